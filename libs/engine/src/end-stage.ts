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

export function skipStage(draft: RunDraft, stage: StageName, reason: Reason): void {
  for (const { key } of jobsOf(draft.state, stage)) {
    if (!isTerminal(jobOf(draft.state, key).status)) skipJob(draft, key, reason);
  }
  draft.emit({ type: 'stage-ended', stage, status: 'skipped', reason });
}

export function skipJob(draft: RunDraft, jobKey: JobKey, reason: Reason): void {
  draft.emit({ type: 'job-ended', jobKey, status: 'skipped', reason });
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
  draft.emit({ type: 'stage-ended', stage, status, ...(reason && { reason }) });
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
  const bad = jobsOf(state, stage)
    .map(({ key }) => jobOf(state, key))
    .filter((job) => job.status === status);
  return bad.toSorted((a, b) => compareText(a.finishedAt ?? '', b.finishedAt ?? ''))[0]?.reason;
}

export function endRun(draft: RunDraft): void {
  const { state } = draft;
  const reason = runReason(state);
  draft.emit({ type: 'run-ended', status: state.status, ...(reason && { reason }) });
}

function runReason(state: RunState): Reason | undefined {
  if (state.status === 'passed') return undefined;
  if (state.cancelRequested) {
    const { by, reason } = state.cancelRequested;
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
