import type { StageName } from '@sluice/pipeline-spec';
import { RUN_VERSION } from './run.ts';
import type { AttemptState, JobState, LaneMirror, RunEvent, RunState, StageState } from './run.ts';
import type { JobKey } from './plan.ts';
import { STAGE_ORDER } from './plan-run.ts';
import { isHeld, runStatus, stageStatus } from './run-status.ts';

/** An event that does not fit the history it is applied to: the stored history is damaged. */
export class BrokenHistoryError extends Error {
  override readonly name = 'BrokenHistoryError';
}

/** Applies one event. Statuses of stages and run are computed anew, never carried on (I09). */
export function evolveRun(state: RunState | undefined, event: RunEvent): RunState {
  if (state === undefined) {
    if (event.type !== 'run-created') {
      throw new BrokenHistoryError(`The history of a run begins with "${event.type}" instead of "run-created".`);
    }
    return withStatuses(newRun(event));
  }
  return withStatuses({ ...apply(state, event), version: state.version + 1 });
}

export function foldRun(events: Iterable<RunEvent>): RunState {
  let state: RunState | undefined;
  for (const event of events) state = evolveRun(state, event);
  if (state === undefined) throw new BrokenHistoryError('The history of a run is empty.');
  return state;
}

function newRun({ identity, plan, at, refused, carried, held }: Extract<RunEvent, { type: 'run-created' }>): RunState {
  const queued: StageState = { status: 'queued' };
  return {
    ...identity,
    schemaVersion: RUN_VERSION,
    version: 1,
    status: 'queued',
    plan,
    ...(refused && { refused }),
    ...(held && { held }),
    stages: { commit: queued, build: queued, test: queued, release: queued },
    jobs: Object.fromEntries(
      plan.jobs.map(({ key }): [JobKey, JobState] => {
        const done = carried?.jobs[key];
        if (!carried || !done) return [key, { key, status: 'queued', attempts: [] }];
        return [key, { key, attempts: [], ...done, carriedFrom: done.carriedFrom ?? carried.fromRunId }];
      }),
    ) as Record<JobKey, JobState>,
    ...(carried?.image && { image: carried.image }),
    lanes: plan.release.map(({ environment }) => ({ environment, status: 'queued' })),
    createdAt: at,
  };
}

function apply(state: RunState, event: RunEvent): RunState {
  const { at } = event;
  switch (event.type) {
    case 'run-created':
      throw new BrokenHistoryError(`Run ${state.runId} is created twice in its history.`);
    case 'run-admitted':
      return { ...state, admitted: { by: event.by, at } };
    case 'run-started':
      return { ...state, startedAt: at };
    case 'stage-started':
      return withStage(state, event.stage, { startedAt: at });
    case 'stage-ended': {
      const ended = withStage(state, event.stage, {
        finishedAt: at,
        ...reasonOf(event),
        ...(event.warning && { warning: event.warning }),
      });
      if (event.stage !== 'release') return ended;
      return {
        ...ended,
        lanes: state.lanes.map((lane) => (lane.status === 'queued' ? { ...lane, status: 'skipped', since: at } : lane)),
      };
    }
    case 'stage-overdue':
      return withStage(state, event.stage, { overdueAt: at });
    case 'retry-scheduled':
      return withJob(state, event.jobKey, (job) => ({ ...job, status: 'queued', retryAt: event.readyAt }));
    case 'attempt-queued':
      return withJob(state, event.jobKey, ({ retryAt: _, ...job }) => ({
        ...job,
        status: 'queued',
        queuedAt: job.queuedAt ?? at,
        attempts: [...job.attempts, { id: event.attemptId, number: event.number, status: 'queued', queuedAt: at }],
      }));
    case 'attempt-started':
      return withJob(state, event.jobKey, (job) => ({
        ...withAttempt(job, event.attemptId, { status: 'running', startedAt: at, runner: event.runner }),
        status: 'running',
        startedAt: job.startedAt ?? at,
      }));
    case 'attempt-ended':
      return withJob(state, event.jobKey, (job) =>
        withAttempt(job, event.attemptId, {
          status: event.status,
          finishedAt: at,
          ...(event.reason && { reason: event.reason.message }),
          ...(event.exitCode !== undefined && { exitCode: event.exitCode }),
        }),
      );
    case 'job-ended':
      return withJob(state, event.jobKey, ({ retryAt: _, ...job }) => ({
        ...job,
        status: event.status,
        finishedAt: at,
        ...reasonOf(event),
        ...(event.outputs && { outputs: event.outputs }),
        ...(event.allowed && { allowed: event.allowed }),
      }));
    case 'jobs-generated':
      return withGenerated(state, event);
    case 'image-recorded':
      return { ...state, image: event.image };
    case 'cancel-requested':
      return {
        ...state,
        cancelRequested: {
          by: event.by,
          at,
          ...(event.reason !== undefined && { reason: event.reason }),
          ...(event.supersededBy !== undefined && { supersededBy: event.supersededBy }),
        },
      };
    case 'release-made':
      return { ...state, releaseId: event.releaseId };
    case 'lane-changed':
      return { ...state, lanes: state.lanes.map((lane) => mirrored(lane, event)) };
    case 'run-ended':
      return { ...state, finishedAt: at, ...reasonOf(event) };
    default:
      return unknownEvent(event);
  }
}

function withGenerated(state: RunState, { jobKey, jobs }: Extract<RunEvent, { type: 'jobs-generated' }>): RunState {
  const planned = state.plan.jobs.map((job) => (job.key === jobKey ? { ...job, generated: true as const } : job));
  const queued = jobs.map(({ key }): [JobKey, JobState] => [key, { key, status: 'queued', attempts: [] }]);
  // Behind the others of their stage.
  const end = 1 + planned.findLastIndex(({ key, stage }) => key === jobKey || stage === jobs[0]?.stage);
  return {
    ...state,
    plan: { ...state.plan, jobs: planned.toSpliced(end, 0, ...jobs) },
    jobs: { ...state.jobs, ...(Object.fromEntries(queued) as Record<JobKey, JobState>) },
  };
}

function mirrored(lane: LaneMirror, event: Extract<RunEvent, { type: 'lane-changed' }>): LaneMirror {
  if (lane.environment !== event.environment) return lane;
  const { environment, deploymentId, status, laneVersion, at: since } = event;
  return { environment, deploymentId, status, laneVersion, since, ...reasonOf(event) };
}

function withStatuses(state: RunState): RunState {
  const stages = { ...state.stages };
  for (const stage of STAGE_ORDER) stages[stage] = { ...stages[stage], status: stageStatus(stage, state) };
  const status = isHeld(state) ? 'waiting' : runStatus(stages, state.cancelRequested);
  return { ...state, stages, status };
}

function withStage(state: RunState, stage: StageName, change: Partial<StageState>): RunState {
  return { ...state, stages: { ...state.stages, [stage]: { ...state.stages[stage], ...change } } };
}

function withJob(state: RunState, key: JobKey, change: (job: JobState) => JobState): RunState {
  const job = state.jobs[key];
  if (!job)
    throw new BrokenHistoryError(`The history of run ${state.runId} names the job "${key}", which its plan lacks.`);
  return { ...state, jobs: { ...state.jobs, [key]: change(job) } };
}

function withAttempt(job: JobState, id: string, change: Partial<AttemptState>): JobState {
  if (!job.attempts.some((attempt) => attempt.id === id)) {
    throw new BrokenHistoryError(`The history names the attempt "${id}" of job "${job.key}", which was never queued.`);
  }
  return { ...job, attempts: job.attempts.map((attempt) => (attempt.id === id ? { ...attempt, ...change } : attempt)) };
}

function reasonOf({ reason }: { readonly reason?: RunState['reason'] }): { reason?: NonNullable<RunState['reason']> } {
  return reason ? { reason } : {};
}

function unknownEvent(event: never): never {
  throw new BrokenHistoryError(`A run knows no event of the type "${(event as RunEvent).type}".`);
}
