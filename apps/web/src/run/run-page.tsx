import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useCallback, useState } from 'react';
import { queries } from '../api/queries.ts';
import type { JobDetail, RunDetail, Waiting } from '../api/shapes.ts';
import { useScreenKeys } from '../frame/use-frame-keys.ts';
import { KeptJobs } from '../debug/kept-jobs.tsx';
import { ReadFailed } from '../frame/not-there.tsx';
import { useLive } from '../live/use-live.ts';
import { LogView, type LogChoice } from '../log/log-view.tsx';
import { EmptyState, SkeletonRows } from '../ui/notice.tsx';
import { Crumb, Crumbs } from '../ui/screen.tsx';
import { isOver } from '../ui/status.ts';
import { count } from '../ui/wording.ts';
import { ArtifactsTab } from './artifacts-tab.tsx';
import { chooseJob } from './choose-job.ts';
import { ContextPane } from './context-pane.tsx';
import { EventsTab } from './events-tab.tsx';
import { laneStatus } from './job-node.tsx';
import { RunHeader } from './run-header.tsx';
import { StageRail } from './stage-rail.tsx';
import { StepsPane } from './steps-pane.tsx';
import { TestsTab } from './tests-tab.tsx';
import { WaitPanel } from './wait-panel.tsx';

const route = getRouteApi('/signed-in/services/$service/runs/$number');
const tabs = [
  ['log', 'Log'],
  ['tests', 'Tests'],
  ['artifacts', 'Artifacts'],
  ['events', 'Events'],
] as const;

export function RunPage() {
  const { service, number } = route.useParams();
  const run = useQuery(queries.run(service, Number(number)));
  useLive(
    run.data === undefined ? undefined : `run:${run.data.id}`,
    ['run', service, Number(number)],
    ['run-events', run.data?.id],
    ['run-tests', run.data?.id],
    ['run-reports', run.data?.id],
    ['run-artifacts', run.data?.id],
    ['run-caches', run.data?.id],
    ['run-debug', run.data?.id],
  );
  return (
    <>
      <Crumbs title={`${service} #${number}`}>
        <Crumb>
          <Link to="/board">Board</Link>
        </Crumb>
        <Crumb>
          <Link to="/services/$service" params={{ service }}>
            {service}
          </Link>
        </Crumb>
        <Crumb last>
          <span className="md:hidden">{service} </span>Run {number}
        </Crumb>
      </Crumbs>
      {run.isPending ? (
        <SkeletonRows rows={10} height={48} />
      ) : run.data === undefined ? (
        <ReadFailed
          error={run.error}
          what={`Run ${number} of ${service}`}
          doing="load the run"
          parent={{ to: `/services/${service}`, word: service }}
          onRetry={() => void run.refetch()}
        />
      ) : (
        <LoadedRun run={run.data} />
      )}
    </>
  );
}

function LoadedRun({ run }: { run: RunDetail }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const set = useCallback(
    (change: Partial<typeof search>) =>
      void navigate({ search: (previous) => ({ ...previous, ...change }), replace: true, resetScroll: false }),
    [navigate],
  );
  const job = useHeldJob(run, search.job, search.stage);
  const attempt = job?.attempts.find((each) => each.number === search.attempt) ?? job?.attempts.at(-1);
  const selectJob = useCallback(
    (key: string) =>
      set({ job: key, stage: undefined, attempt: undefined, step: undefined, lines: undefined, tab: undefined }),
    [set],
  );
  const onChoice = useCallback(
    (change: Partial<LogChoice>) =>
      set({ ...change, ...(change.lines === undefined || job === undefined ? {} : { job: job.key }) }),
    [set, job],
  );
  const step = (by: number): void => {
    const next = run.jobs[run.jobs.findIndex((each) => each === job) + by];
    if (next !== undefined) selectJob(next.key);
  };
  const toStage = (index: number): void => {
    const stage = (['commit', 'build', 'test', 'release'] as const)[index];
    const first = run.jobs.find((each) => each.stage === stage);
    if (first !== undefined) selectJob(first.key);
  };
  useScreenKeys({
    '[': () => step(-1),
    ']': () => step(1),
    '1': () => toStage(0),
    '2': () => toStage(1),
    '3': () => toStage(2),
    '4': () => toStage(3),
  });
  const tab = search.tab ?? 'log';
  // What waits for a runner has no log yet: why it waits stands there.
  const begun = attempt !== undefined && attempt.status !== 'queued';
  const tests = run.tests === null ? null : run.tests.passed + run.tests.failed + run.tests.skipped;

  return (
    <div className="run-page">
      <RunHeader run={run} />
      {run.trigger.kind === 'rerun' && <KeptJobs run={run} />}
      <div className="px-3 pb-3 md:px-6">
        <StageRail run={run} selected={job?.key} onSelect={selectJob} />
      </div>
      <div className="run-tabs" role="tablist" aria-label="Views of the run">
        {tabs.map(([value, word]) => (
          <button
            key={value}
            type="button"
            role="tab"
            id={`tab-${value}`}
            aria-selected={tab === value}
            aria-controls="run-panel"
            onClick={() => set({ tab: value === 'log' ? undefined : value })}
            className="run-tab"
          >
            {word}
            {value === 'tests' && tests !== null && (
              <span className="ml-1.5 text-sub font-normal text-text-3 tnum">{count(tests)}</span>
            )}
          </button>
        ))}
      </div>
      <div id="run-panel" role="tabpanel" aria-labelledby={`tab-${tab}`} className="min-h-0 min-w-0">
        {tab === 'tests' && <TestsTab runId={run.id} service={run.service} over={isOver(run.status)} />}
        {tab === 'artifacts' && <ArtifactsTab runId={run.id} service={run.service} over={isOver(run.status)} />}
        {tab === 'events' && <EventsTab runId={run.id} />}
        {tab === 'log' && (
          <div className="run-panes">
            <aside className="run-steps" aria-label="Job">
              {job !== undefined && (
                <StepsPane
                  job={job}
                  attempt={attempt}
                  onAttempt={(value) => set({ attempt: value, step: undefined, lines: undefined })}
                  onStep={(value) => set({ step: value, lines: undefined })}
                />
              )}
            </aside>
            <section className="run-log" aria-label="Log of the job">
              {job !== undefined && begun ? (
                <LogView
                  attemptId={attempt.id}
                  steps={attempt.steps}
                  over={isOver(attempt.status)}
                  choice={{ lines: search.lines, q: search.q, step: search.step }}
                  onChoice={onChoice}
                />
              ) : (
                <NoLog run={run} job={job} />
              )}
            </section>
            <aside className="run-context" aria-label="About the run">
              <ContextPane run={run} job={job} said={begun ? null : waitOf(run, job)} />
            </aside>
          </div>
        )}
      </div>
    </div>
  );
}

function NoLog({ run, job }: { run: RunDetail; job: JobDetail | undefined }) {
  const waiting = waitOf(run, job);
  if (waiting !== null) {
    return (
      <div className="mx-auto max-w-[460px] p-6 max-md:p-3">
        <WaitPanel
          subject={waiting.code === 'held' ? 'the run' : (job?.name ?? 'the run')}
          waiting={waiting}
          approvalId={run.lanes.find((lane) => laneStatus(lane) === 'gate')?.deploymentId}
        />
      </div>
    );
  }
  if (job === undefined)
    return (
      <EmptyState
        title={
          run.status === 'errored' || run.status === 'failed' ? 'This run was not planned.' : 'This run has no jobs.'
        }
      >
        {run.reason?.message}
      </EmptyState>
    );
  return (
    <EmptyState
      title={
        job.status === 'skipped'
          ? `${job.name} was skipped.`
          : job.status === 'cancelled'
            ? `${job.name} was cancelled before it began.`
            : `${job.name} has not begun.`
      }
    >
      {job.reason?.message ?? (job.needs.length > 0 ? `It needs ${job.needs.join(', ')}.` : '')}
    </EmptyState>
  );
}

function waitOf(run: RunDetail, job: JobDetail | undefined): Waiting | null {
  return job?.waiting ?? run.waiting;
}

/**
 * Without a choice the most telling job is shown, and it stays while the reader reads: only the end of the run moves it,
 * to what failed.
 */
function useHeldJob(
  run: RunDetail,
  chosen: string | undefined,
  stage: Parameters<typeof chooseJob>[2],
): JobDetail | undefined {
  const fresh = chooseJob(run, chosen, stage);
  const over = isOver(run.status);
  const context = `${run.id} ${chosen ?? ''} ${stage ?? ''}`;
  const [held, setHeld] = useState({ context, over, key: fresh?.key });
  const ended = over && !held.over;
  if (held.context !== context || ended || (held.key === undefined && fresh !== undefined))
    setHeld({ context, over, key: fresh?.key });
  return run.jobs.find((job) => job.key === held.key) ?? fresh;
}
