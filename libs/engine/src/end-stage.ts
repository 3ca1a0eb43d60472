import type { StageName } from '@sluice/pipeline-spec';
import { isTerminal } from './statuses.ts';
import type { JobKey, PlannedJob } from './plan.ts';
import { STAGE_ORDER } from './plan-run.ts';
import type { JobState, Reason, RunState } from './run.ts';
import type { RunDraft } from './run-draft.ts';

export function jobOf(state: RunState, key: JobKey): JobState {
  const job = state.jobs[key];
  if (!job) throw new RangeError(`The plan of run ${state.runId} has no job "${key}".`);
  return job;
}

export function jobsOf(state: RunState, stage: StageName): readonly PlannedJob[] {
  return state.plan.jobs.filter((job) => job.stage === stage);
}

/** A stage that the run never reaches. What a re-run had taken over in it still stands, and so does what that made of the stage. */
export function skipStage(draft: RunDraft, stage: StageName, reason: Reason): void {
  const jobs = jobsOf(draft.state, stage).map(({ key }) => jobOf(draft.state, key));
  for (const { key, status } of jobs) if (!isTerminal(status)) skipJob(draft, key, reason);
  if (jobs.some(({ carriedFrom }) => carriedFrom !== undefined)) endStage(draft, stage);
  else draft.emit({ type: 'stage-ended', stage, status: 'skipped', reason });
}

export function skipJob(draft: RunDraft, jobKey: JobKey, reason: Reason): void {
  draft.emit({ type: 'job-ended', jobKey, status: 'skipped', reason });
}

/** A job that has no open attempt and gets none any more; one that has been tried before was not skipped. */
export function callOffJob(draft: RunDraft, jobKey: JobKey, reason: Reason): void {
  const tried = jobOf(draft.state, jobKey).attempts.length > 0;
  draft.emit({ type: 'job-ended', jobKey, status: tried ? 'cancelled' : 'skipped', reason });
}

/** The end of a job that has no further attempt; its definition may allow it. */
export function endJobBadly(draft: RunDraft, jobKey: JobKey, status: 'failed' | 'errored', reason: Reason): void {
  const allowed = draft.state.plan.jobs.find(({ key }) => key === jobKey)?.allowFailure === true;
  draft.emit({ type: 'job-ended', jobKey, status, reason, ...(allowed && { allowed }) });
}

export function isAbsent(state: RunState, stage: StageName): boolean {
  return stage === 'release' ? state.lanes.length === 0 : jobsOf(state, stage).length === 0;
}

export function endStage(draft: RunDraft, stage: StageName): void {
  const { state } = draft;
  const lanesLeft = stage === 'release' && state.lanes.some(({ status }) => status === 'queued');
  // Only a cancelled run stops between two environments that are both fine.
  const status = lanesLeft && !isTerminal(state.stages[stage].status) ? cutShort(state) : state.stages[stage].status;
  const reason = status === 'passed' ? undefined : stageReason(state, stage, status);
  const warning = status === 'passed' ? stageWarning(state, stage) : undefined;
  draft.emit({ type: 'stage-ended', stage, status, ...(reason && { reason }), ...(warning && { warning }) });
}

function stageWarning(state: RunState, stage: StageName): Reason | undefined {
  const allowed = jobsOf(state, stage).filter(({ key }) => jobOf(state, key).allowed === true);
  const [first] = allowed;
  if (!first) return undefined;
  const others = allowed.length > 1 ? ` and ${allowed.length - 1} more` : '';
  const verb = jobOf(state, first.key).status === 'errored' ? 'errored' : 'failed';
  return { code: 'allowed-failure', message: `Job "${first.name}"${others} ${verb}, which is allowed.` };
}

function cutShort(state: RunState): 'cancelled' | 'skipped' {
  return state.lanes.every(({ status }) => status === 'queued') ? 'skipped' : 'cancelled';
}

function stageReason(state: RunState, stage: StageName, status: string): Reason | undefined {
  if (stage === 'release') {
    const lane = state.lanes.find(
      (mirror) => mirror.status === status || (status === 'failed' && mirror.status === 'rolled-back'),
    );
    return lane?.reason;
  }
  if (state.stages[stage].overdueAt !== undefined) return overdueReason(state, stage);
  const bad = jobsOf(state, stage)
    .map(({ key }) => jobOf(state, key))
    .filter((job) => job.status === status && job.allowed !== true);
  return bad.toSorted((a, b) => compareText(a.finishedAt ?? '', b.finishedAt ?? ''))[0]?.reason;
}

export function overdueReason(state: RunState, stage: StageName): Reason {
  const seconds = stage === 'release' ? undefined : state.plan.stageTimeouts[stage];
  return { code: 'stage-timeout', message: `The ${stage} stage took longer than its ${seconds ?? 0} s.` };
}

export function endRun(draft: RunDraft): void {
  const { state } = draft;
  const reason = runReason(state);
  draft.emit({ type: 'run-ended', status: state.status, ...(reason && { reason }) });
}

function runReason(state: RunState): Reason | undefined {
  if (state.status === 'passed') return undefined;
  if (state.cancelRequested) {
    const { by, reason, supersededBy } = state.cancelRequested;
    if (supersededBy !== undefined)
      return { code: 'superseded', message: `Run ${supersededBy} of a newer push took its place.` };
    return { code: 'cancelled', message: `Cancelled by ${by.name}${reason ? `: ${reason}` : '.'}` };
  }
  return STAGE_ORDER.map((stage) => state.stages[stage]).find(({ status }) => status === state.status)?.reason;
}

export function wasOrIs(status: string): string {
  return status === 'failed' || status === 'errored' ? status : `was ${status}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
