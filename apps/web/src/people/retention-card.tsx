import { useQuery } from '@tanstack/react-query';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import type { Retention } from '../api/shapes.ts';
import { Age } from '../ui/age.tsx';
import { ErrorBar } from '../ui/notice.tsx';
import { count, plural } from '../ui/wording.ts';

/** How long the installation keeps things, and whether it could remove what was due. */
export function RetentionCard() {
  const retention = useQuery(queries.retention());
  if (retention.isError)
    return (
      <ErrorBar onRetry={() => void retention.refetch()}>{problemSentence(retention.error, 'load retention')}</ErrorBar>
    );
  if (retention.data === undefined) return null;
  const { on, limits, teams } = retention.data;
  return (
    <section className="card mt-6" aria-labelledby="retention">
      <h2 id="retention" className="card-head">
        Retention
      </h2>
      {on ? (
        <p className="px-4 py-2.5">
          Runs {plural(limits.runDays, 'day')} and at most {count(limits.runsMost)} of a service, logs{' '}
          {plural(limits.logDays, 'day')}, tests {plural(limits.testDays, 'day')}, webhooks{' '}
          {plural(limits.deliveryDays, 'day')}, audit {plural(limits.auditDays, 'day')}.
          {teams.length > 0 && ` Less in ${teams.map(({ team }) => team).join(', ')}.`}
        </p>
      ) : (
        <p className="px-4 py-2.5 text-warning">Off: nothing is removed, and everything grows.</p>
      )}
      <LastSweep sweeps={retention.data.sweeps} />
    </section>
  );
}

function LastSweep({ sweeps }: { sweeps: Retention['sweeps'] }) {
  const last = sweeps.find(({ finishedAt }) => finishedAt !== null);
  if (last === undefined) return <p className="px-4 pb-2.5 text-text-2">No sweep has ended yet.</p>;
  const removed = Object.entries(last.removed).filter(([, times]) => times > 0);
  return (
    <div className="px-4 pb-2.5 text-text-2">
      <p>
        Last sweep <Age at={last.startedAt} words />:{' '}
        {removed.length === 0
          ? 'nothing was due'
          : `removed ${removed.map(([what, times]) => `${count(times)} ${WORDS[what] ?? what}`).join(', ')}`}
        {last.more ? ', and more is due' : ''}.
      </p>
      {last.problems.map((problem) => (
        <p key={problem} className="text-failed">
          {problem}
        </p>
      ))}
    </div>
  );
}

const WORDS: Readonly<Record<string, string>> = {
  surplusRuns: 'runs beyond the most of their service',
  tests: 'test reports of runs',
  deploymentEvents: 'histories of deployments',
  commitStatuses: 'statuses told to forges',
  auditEntries: 'audit entries',
  access: 'ended sessions and tokens',
  objects: 'objects of the blob store',
};
