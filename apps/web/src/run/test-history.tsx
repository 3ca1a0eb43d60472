import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import { ErrorBar, SkeletonRows } from '../ui/notice.tsx';
import { StatusIcon } from '../ui/status-icon.tsx';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { duration, exactTime, plural, shortRef, shortSha } from '../ui/wording.ts';

/** The same test in earlier runs, the newest first. */
export function TestHistory({ service, suite, name }: { service: string; suite: string; name: string }) {
  const history = useQuery(queries.testHistory(service, suite, name));
  if (history.isPending) return <SkeletonRows rows={2} height={24} />;
  if (history.isError)
    return (
      <ErrorBar onRetry={() => void history.refetch()}>
        {problemSentence(history.error, 'load the history of the test')}
      </ErrorBar>
    );
  const failed = history.data.filter(({ status }) => status === 'failed').length;
  return (
    <section className="mt-2 rounded-control bg-sunken p-3" aria-label={`History of ${name}`}>
      <p className="text-text-2">
        Failed in {failed} of the last {plural(history.data.length, 'report')}.
      </p>
      <ol>
        {history.data.map(({ run, job, attempt, status, seconds }) => (
          <li key={`${run.id} ${job} ${attempt}`} className="flex items-center gap-2 py-0.5">
            <StatusIcon status={status} size={14} label={status} />
            <Link to="/services/$service/runs/$number" params={{ service, number: String(run.number) }}>
              run {run.number}
            </Link>
            <span className="min-w-0 truncate text-text-2" title={exactTime(run.at)}>
              <UntrustedText text={shortRef(run.ref)} /> {shortSha(run.commit)}, {job}
              {attempt > 1 && `, attempt ${attempt}`}
            </span>
            <span className="ml-auto text-text-3 tnum">{duration(seconds * 1000)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
