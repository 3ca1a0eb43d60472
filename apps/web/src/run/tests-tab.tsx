import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { isRemoved, problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import type { TestCase, TestReport } from '../api/shapes.ts';
import { EmptyState, ErrorBar, SkeletonRows } from '../ui/notice.tsx';
import { TestHistory } from './test-history.tsx';
import { StatusIcon } from '../ui/status-icon.tsx';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { duration, plural } from '../ui/wording.ts';

const SHOWN = 200;

/** Failures first with their message, then the slowest, passed ones folded by suite. */
export function TestsTab({ runId, service, over }: { runId: string; service: string; over: boolean }) {
  const tests = useQuery(queries.runTests(runId));
  const reports = useQuery(queries.runReports(runId));
  const refused = reports.data?.filter(({ finding }) => finding !== null) ?? [];
  const [words, setWords] = useState('');
  if (tests.isPending) return <SkeletonRows rows={8} height={40} />;
  if (isRemoved(tests.error))
    return <EmptyState title={tests.error.message}>How many passed and failed is still shown with the run.</EmptyState>;
  if (tests.isError)
    return (
      <div className="p-4">
        <ErrorBar onRetry={() => void tests.refetch()}>{problemSentence(tests.error, 'load the tests')}</ErrorBar>
      </div>
    );
  if (tests.data.length === 0 && refused.length > 0)
    return (
      <div className="mx-auto max-w-[1000px] p-4">
        <RefusedReports reports={refused} />
      </div>
    );
  if (tests.data.length === 0)
    return (
      <EmptyState title={over ? 'No job of this run reported tests.' : 'No test report has arrived yet.'}>
        Name the JUnit files under <code>reports.junit</code> of a job.
      </EmptyState>
    );
  const found = tests.data.filter((test) => `${test.suite} ${test.name}`.toLowerCase().includes(words.toLowerCase()));
  const failed = found.filter(({ status }) => status === 'failed');
  const rest = found.filter(({ status }) => status !== 'failed').sort((a, b) => b.seconds - a.seconds);
  const suites = [...Map.groupBy(rest, ({ job, suite }) => `${job} › ${suite}`)];
  return (
    <div className="mx-auto max-w-[1000px] p-4">
      <RefusedReports reports={refused} />
      <input
        className="field field-quiet max-w-[280px]"
        placeholder="Filter tests"
        aria-label="Filter tests"
        value={words}
        onChange={(event) => setWords(event.target.value)}
      />
      {failed.length > 0 && (
        <section className="card mt-3" aria-labelledby="failed-tests">
          <h2 id="failed-tests" className="card-head">
            {plural(failed.length, 'test')} failed
          </h2>
          <ul>
            {failed.slice(0, SHOWN).map((test, index) => (
              <li
                key={`${test.suite} ${test.name} ${index}`}
                className="border-b border-line px-4 py-2.5 last:border-0"
              >
                <TestRow test={test} service={service} />
                {test.message !== null && (
                  <pre
                    className="mono mt-2 max-h-72 overflow-auto rounded-control bg-sunken p-3 whitespace-pre-wrap"
                    tabIndex={0}
                    aria-label={`Message of ${test.name}`}
                  >
                    <UntrustedText text={test.message} />
                  </pre>
                )}
              </li>
            ))}
          </ul>
        </section>
      )}
      <div className="card mt-3">
        {suites.map(([suite, cases]) => (
          <details key={suite} className="border-b border-line last:border-0">
            <summary className="cursor-pointer px-4 py-2.5">
              <span className="font-medium">
                <UntrustedText text={suite} />
              </span>{' '}
              <span className="text-text-2">
                {plural(cases.length, 'test')}, {duration(cases.reduce((sum, { seconds }) => sum + seconds * 1000, 0))}
              </span>
            </summary>
            <ul className="pb-2">
              {cases.slice(0, SHOWN).map((test, index) => (
                <li key={`${test.name} ${index}`} className="px-4 py-1">
                  <TestRow test={test} service={service} />
                </li>
              ))}
              {cases.length > SHOWN && (
                <li className="px-4 py-1 text-text-2">and {cases.length - SHOWN} more; filter to see them</li>
              )}
            </ul>
          </details>
        ))}
        {found.length === 0 && <p className="p-4 text-text-2">No test matches.</p>}
      </div>
    </div>
  );
}

/** What a job sent and the server did not keep; the job's result does not depend on it. */
function RefusedReports({ reports }: { reports: readonly TestReport[] }) {
  if (reports.length === 0) return null;
  return (
    <section className="card mb-3" aria-labelledby="refused-reports">
      <h2 id="refused-reports" className="card-head">
        {plural(reports.length, 'report file')} not kept
      </h2>
      <ul>
        {reports.slice(0, SHOWN).map((report) => (
          <li
            key={`${report.job} ${report.attempt} ${report.file}`}
            className="border-b border-line px-4 py-2 last:border-0"
          >
            <span className="mono">
              <UntrustedText text={report.file} />
            </span>{' '}
            <span className="text-text-2">of {report.job}</span>
            <span className="block text-text-2">
              <UntrustedText text={report.finding ?? ''} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function TestRow({ test, service }: { test: TestCase; service: string }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <span className="flex items-center gap-2">
        <StatusIcon status={test.status} size={14} label={test.status} />
        <span className="min-w-0 break-words" dir="auto">
          <span className="text-text-2">
            <UntrustedText text={test.suite} /> ›{' '}
          </span>
          <UntrustedText text={test.name} />
        </span>
        <button
          type="button"
          className="btn btn-small btn-quiet ml-auto flex-none"
          aria-expanded={open}
          aria-label={`History of ${test.name}`}
          onClick={() => setOpen(!open)}
        >
          History
        </button>
        <span className="flex-none text-text-3 tnum">{duration(test.seconds * 1000)}</span>
      </span>
      {open && <TestHistory service={service} suite={test.suite} name={test.name} />}
    </>
  );
}
