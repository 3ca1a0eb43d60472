import { jobsOf } from './end-stage.ts';
import { STAGE_ORDER } from './plan-run.ts';
import type { PlannedJob } from './plan.ts';
import type { JobState, RunState } from './run.ts';
import { isHeld } from './run-status.ts';
import { isTerminal } from './statuses.ts';
import type { CancelledRun, HeldRun, WaitingCause, WaitingEnvironment, WaitingJob } from './waiting.ts';

/** A job that is queued and has no open attempt. */
export function jobCause({ state, jobKey }: WaitingJob): WaitingCause | undefined {
  const planned = state.plan.jobs.find(({ key }) => key === jobKey);
  const job = state.jobs[jobKey];
  if (!planned || !job || isTerminal(job.status) || isTerminal(state.status)) return undefined;
  if (state.cancelRequested) return cancellingCause({ state });
  if (job.attempts.some(({ status }) => !isTerminal(status))) return undefined;
  return heldCause({ state }) ?? pauseCause(job) ?? needsCause(state, planned) ?? stageCause(state, planned);
}

function pauseCause({ retryAt, attempts }: JobState): WaitingCause | undefined {
  const last = attempts.at(-1);
  if (retryAt === undefined || last === undefined) return undefined;
  return {
    code: 'retry-pause',
    message: `Attempt ${last.number} was ${last.status}; the pause before attempt ${last.number + 1} is not over.`,
    since: last.finishedAt ?? last.queuedAt,
    endedBy: `The end of the pause at ${retryAt}.`,
  };
}

function needsCause(state: RunState, { needs, stage }: PlannedJob): WaitingCause | undefined {
  const since = state.stages[stage].startedAt;
  const open = needs.filter((need) => !isTerminal(state.jobs[need]?.status ?? 'queued'));
  if (since === undefined || open.length === 0) return undefined;
  return {
    code: 'needs-job',
    message: `Needs ${open.join(', ')} to end first.`,
    since,
    endedBy: `The end of ${open.join(', ')}.`,
  };
}

function stageCause(state: RunState, { stage }: PlannedJob): WaitingCause | undefined {
  if (state.stages[stage].startedAt !== undefined) return undefined;
  const earlier = openStageBefore(state, stage);
  return {
    code: 'earlier-stage',
    message: `The ${stage} stage follows when the ${earlier} stage has passed.`,
    since: state.createdAt,
    endedBy: `The end of the ${earlier} stage.`,
  };
}

/** The stage whose jobs the run is at, of those before this one. */
function openStageBefore(state: RunState, stage: (typeof STAGE_ORDER)[number]): string {
  const earlier = STAGE_ORDER.slice(0, STAGE_ORDER.indexOf(stage));
  return (
    earlier.find((one) => jobsOf(state, one).length > 0 && !isTerminal(state.stages[one].status)) ?? 'stage before'
  );
}

export function environmentCause({ state, environment }: WaitingEnvironment): WaitingCause | undefined {
  const place = state.lanes.findIndex((lane) => lane.environment === environment);
  if (state.lanes[place]?.status !== 'queued' || isTerminal(state.status)) return undefined;
  if (state.cancelRequested) return cancellingCause({ state });
  const held = heldCause({ state });
  if (held) return held;
  const { startedAt } = state.stages.release;
  if (startedAt === undefined) {
    const earlier = openStageBefore(state, 'release');
    return {
      code: 'earlier-stage',
      message: `The release is made when the ${earlier} stage has passed.`,
      since: state.createdAt,
      endedBy: `The end of the ${earlier} stage.`,
    };
  }
  const before = state.lanes[place - 1];
  if (before && before.status !== 'passed') {
    return {
      code: 'earlier-environment',
      message: `${environment} follows when the release is live in ${before.environment}.`,
      since: startedAt,
      endedBy: `The end of the deployment to ${before.environment}.`,
    };
  }
  return {
    code: 'release',
    message: `The release is on its way to ${environment}.`,
    since: before?.since ?? startedAt,
    endedBy: 'Its entry there, within seconds.',
  };
}

export function heldCause({ state }: Pick<HeldRun, 'state'>): WaitingCause | undefined {
  if (!state.held || !isHeld(state)) return undefined;
  return {
    code: 'held',
    message: state.held.message,
    since: state.createdAt,
    endedBy: `A developer of the team who has looked at commit ${state.commit.slice(0, 12)} and lets it run.`,
  };
}

export function cancellingCause({ state }: Pick<CancelledRun, 'state'>): WaitingCause | undefined {
  if (!state.cancelRequested || isTerminal(state.status)) return undefined;
  const { by, at, supersededBy } = state.cancelRequested;
  const deploying = state.lanes.some(({ status }) => status === 'running' || status === 'unknown');
  return {
    code: 'cancelling',
    message:
      supersededBy === undefined
        ? `${by.name} asked to cancel.`
        : `Run ${supersededBy} of a newer push takes its place.`,
    since: at,
    endedBy: deploying
      ? 'The end of the deployment that is under way: it is not torn in two.'
      : 'The end of what runs: steps get time to clean up, and a lost runner loses its lease.',
  };
}
