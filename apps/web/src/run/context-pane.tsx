import { Link } from '@tanstack/react-router';
import { Package } from 'lucide-react';
import type { JobDetail, RunDetail, Waiting } from '../api/shapes.ts';
import { Age } from '../ui/age.tsx';
import { CopyText } from '../ui/copy-text.tsx';
import { StatusIcon } from '../ui/status-icon.tsx';
import { statusLook } from '../ui/status.ts';
import { count, shortDigest } from '../ui/wording.ts';
import { laneStatus } from './job-node.tsx';
import { isSameWait, WaitPanel } from './wait-panel.tsx';
import { isPresent } from '../ui/is-present.ts';

/** Beside the log: why something waits, tests so far, the image, where it went. `said`: the cause that stands in the log's place. */
export function ContextPane(props: { run: RunDetail; job: JobDetail | undefined; said: Waiting | null }) {
  const { run, job, said } = props;
  const gate = run.lanes.find((lane) => laneStatus(lane) === 'gate');
  const waitingJob = isPresent(job?.waiting) ? job : run.jobs.find((each) => each.waiting !== null);
  const causes = [
    { subject: 'the run', waiting: run.waiting, approvalId: gate?.deploymentId },
    { subject: waitingJob?.name ?? '', waiting: waitingJob?.waiting ?? null },
  ].filter(
    ({ waiting }, index, all) =>
      waiting !== null &&
      // The header asks whoever may end it.
      waiting.code !== 'held' &&
      ![said, ...all.slice(0, index).map((before) => before.waiting)].some(
        (before) => before !== null && isSameWait(before, waiting),
      ),
  );
  return (
    <div className="flex flex-col gap-5 p-4">
      {causes.map(
        ({ subject, waiting, approvalId }) =>
          waiting !== null && <WaitPanel key={subject} subject={subject} waiting={waiting} approvalId={approvalId} />,
      )}
      {run.tests !== null && <TestsSoFar run={run} tests={run.tests} />}
      {run.image !== null && (
        <section aria-labelledby="image-title">
          <h2 id="image-title" className="text-section font-semibold">
            Image
          </h2>
          <p className="mt-1.5 flex items-center gap-2 min-w-0">
            <Package size={14} className="flex-none text-text-2" aria-hidden="true" />
            <span className="mono truncate" title={run.image.repository}>
              {run.image.repository}
            </span>
          </p>
          <CopyText
            value={run.image.digest}
            shown={shortDigest(run.image.digest)}
            label="digest"
            className="pl-[22px]"
          />
        </section>
      )}
      <section aria-labelledby="lanes-title">
        <h2 id="lanes-title" className="text-section font-semibold">
          Environments
        </h2>
        <ul className="mt-1.5 flex flex-col gap-1.5">
          {run.lanes.map((lane) => {
            const status = laneStatus(lane);
            return (
              <li key={lane.environment}>
                <div className="flex items-center gap-2">
                  <StatusIcon status={status} size={14} />
                  {lane.deploymentId === null ? (
                    <span>{lane.environment}</span>
                  ) : (
                    <Link
                      to={status === 'gate' ? '/approvals/$id' : '/deployments/$id'}
                      params={{ id: lane.deploymentId }}
                      className="link"
                    >
                      {lane.environment}
                    </Link>
                  )}
                  <span className="text-text-2">{statusLook(status).word.toLowerCase()}</span>
                  {lane.since !== null && (
                    <span className="ml-auto text-text-3 tnum">
                      <Age at={lane.since} />
                    </span>
                  )}
                </div>
                {lane.reason !== null && <p className="pl-[22px] text-sub text-text-2">{lane.reason.message}</p>}
              </li>
            );
          })}
          {run.lanes.length === 0 && <li className="text-text-2">This definition releases nowhere.</li>}
        </ul>
      </section>
      {run.findings.length > 0 && (
        <section aria-labelledby="findings-title">
          <h2 id="findings-title" className="text-section font-semibold">
            Findings
          </h2>
          <ul className="mt-1.5 flex flex-col gap-1.5">
            {run.findings.map((finding) => (
              <li
                key={`${finding.generated?.job}:${finding.line}:${finding.column}:${finding.rule}`}
                className={finding.severity === 'error' ? 'text-failed' : 'text-warning'}
              >
                {finding.generated === undefined
                  ? `sluice.yaml, line ${finding.line}`
                  : `${finding.generated.file} of ${finding.generated.job}, line ${finding.line}, column ${finding.column}`}
                : {finding.message}
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function TestsSoFar({ run, tests }: { run: RunDetail; tests: NonNullable<RunDetail['tests']> }) {
  const all = tests.passed + tests.failed + tests.skipped;
  return (
    <section aria-labelledby="tests-title">
      <h2 id="tests-title" className="flex text-section font-semibold">
        {run.finishedAt === null ? 'Tests so far' : 'Tests'}
        <span className="ml-auto font-normal text-text-2 tnum">{count(all)}</span>
      </h2>
      <div className="mt-2 flex h-1.5 overflow-hidden rounded-full bg-sunken" aria-hidden="true">
        <span className="bg-passed-solid" style={{ width: `${(100 * tests.passed) / Math.max(1, all)}%` }} />
        <span className="bg-failed-solid" style={{ width: `${(100 * tests.failed) / Math.max(1, all)}%` }} />
      </div>
      <p className="mt-1.5 flex flex-wrap gap-x-4 text-text-2 tnum">
        <span className="inline-flex items-center gap-1.5">
          <StatusIcon status="passed" size={13} /> {count(tests.passed)} passed
        </span>
        <span className="inline-flex items-center gap-1.5">
          <StatusIcon status="failed" size={13} /> {count(tests.failed)} failed
        </span>
        <span className="inline-flex items-center gap-1.5">
          <StatusIcon status="skipped" size={13} /> {count(tests.skipped)} skipped
        </span>
      </p>
    </section>
  );
}
