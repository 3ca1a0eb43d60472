import type { StageName } from '@sluice/pipeline-spec';
import { isActiveDeployment, isTerminal } from './statuses.ts';
import type { Status } from './statuses.ts';
import { STAGE_ORDER } from './plan-run.ts';
import type { JobState, LaneMirror, RunState, StageState } from './run.ts';

/** What the statuses of stages are computed from (I09); nothing else has a say. */
export type StageFacts = Pick<RunState, 'plan' | 'jobs' | 'lanes' | 'stages' | 'refused'>;

/** Nothing of it begins before a person lets it go. A definition that cannot be used, or a cancel, ends it all the same. */
export function isHeld(run: Pick<RunState, 'held' | 'admitted' | 'cancelRequested' | 'refused'>): boolean {
  return Boolean(run.held && !run.admitted && !run.cancelRequested && !run.refused);
}

export function stageStatus(stage: StageName, facts: StageFacts): Status {
  if (stage === 'commit' && facts.refused) return 'failed';
  if (stage === 'release') return releaseStatus(facts.lanes, facts.stages.release.startedAt !== undefined);
  const jobs: JobState[] = [];
  for (const planned of facts.plan.jobs) {
    const job = planned.stage === stage ? facts.jobs[planned.key] : undefined;
    if (job) jobs.push(job);
  }
  if (facts.stages[stage].overdueAt === undefined) return jobStageStatus(jobs);
  return jobs.every((job) => isTerminal(job.status)) ? 'failed' : 'running';
}

/**
 * A stage that has begun stays `running` even while each of its jobs waits for a retry. A failure that is allowed counts
 * as passed, and a skipped job not at all.
 */
export function jobStageStatus(jobs: readonly Pick<JobState, 'status' | 'attempts' | 'allowed'>[]): Status {
  if (jobs.every((job) => job.status === 'skipped')) return 'skipped';
  if (jobs.every((job) => isTerminal(job.status))) {
    return worst(jobs.map((job) => (job.allowed ? 'passed' : job.status)));
  }
  const untouched = jobs.every(
    ({ status, attempts }) =>
      status === 'skipped' || (status === 'queued' && attempts.every(({ startedAt }) => startedAt === undefined)),
  );
  return untouched ? 'queued' : 'running';
}

/** One bad environment ends the route: those after it never see the release. */
export function releaseStatus(lanes: readonly Pick<LaneMirror, 'status'>[], started: boolean): Status {
  const statuses = lanes.map((lane) => lane.status);
  if (statuses.every((status) => status === 'skipped')) return 'skipped';
  if (statuses.some((status) => status !== 'queued' && status !== 'skipped' && isActiveDeployment(status)))
    return 'running';
  if (statuses.includes('waiting')) return 'waiting';
  const ended = worst(statuses.map((status) => (status === 'rolled-back' ? 'failed' : (status as Status))));
  if (ended !== 'passed') return ended;
  if (statuses.includes('queued')) return started ? 'running' : 'queued';
  // Passed here and never taken further: only a cancelled run leaves that behind.
  return statuses.includes('skipped') ? 'cancelled' : 'passed';
}

export function runStatus(
  stages: Readonly<Record<StageName, Pick<StageState, 'status'>>>,
  calledOff: Pick<NonNullable<RunState['cancelRequested']>, 'supersededBy'> | undefined,
): Status {
  const statuses = STAGE_ORDER.map((stage) => stages[stage].status);
  if (statuses.every((status) => isTerminal(status))) {
    if (!calledOff) return worst(statuses);
    return calledOff.supersededBy === undefined ? 'cancelled' : 'superseded';
  }
  if (statuses.includes('waiting')) return 'waiting';
  return statuses.every((status) => status === 'queued' || status === 'skipped') ? 'queued' : 'running';
}

/** A `no` of the user's own command outweighs our trouble, which outweighs being called off. */
const WEIGHT = ['failed', 'errored', 'cancelled', 'superseded'] as const satisfies readonly Status[];

function worst(statuses: readonly Status[]): Status {
  return WEIGHT.find((status) => statuses.includes(status)) ?? 'passed';
}
