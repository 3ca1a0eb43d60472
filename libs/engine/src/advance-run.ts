import type { StageName } from '@sluice/pipeline-spec';
import { isTerminal } from './statuses.ts';
import { STAGE_ORDER } from './plan-run.ts';
import type { Reason, RunState } from './run.ts';
import type { RunDraft } from './run-draft.ts';
import {
  callOffJob,
  endJobBadly,
  endRun,
  endStage,
  isAbsent,
  jobOf,
  jobsOf,
  skipJob,
  skipStage,
  wasOrIs,
} from './end-stage.ts';
import { isHeld } from './run-status.ts';
import { queueAttempt } from './queue-attempt.ts';
import { readiness } from './job-readiness.ts';
import { isOverdue, stopOverdueStage } from './stage-timeout.ts';

/** Moves a run as far as the facts allow: next jobs, next stage, the release, the end. */
export function advanceRun(draft: RunDraft): void {
  if (draft.state.cancelRequested) return endCancelledRun(draft);
  if (draft.state.refused) return endRefusedRun(draft, draft.state.refused);
  if (isHeld(draft.state)) return;
  for (const stage of STAGE_ORDER) {
    if (stage === 'release') break;
    if (draft.state.stages[stage].finishedAt !== undefined || jobsOf(draft.state, stage).length === 0) continue;
    if (draft.state.stages[stage].startedAt === undefined) draft.emit({ type: 'stage-started', stage });
    if (isOverdue(draft.state, stage, draft.ctx.now)) stopOverdueStage(draft, stage);
    advanceJobs(draft, stage);
    const { status } = draft.state.stages[stage];
    if (!isTerminal(status)) return;
    endStage(draft, stage);
    // Skipped: its conditions left nothing to do, which is no reason to stop.
    if (status !== 'passed' && status !== 'skipped') return endEarly(draft, stage);
  }
  advanceRelease(draft);
}

/** A definition that cannot be used still makes a run: the person who pushed must see what to change. */
function endRefusedRun(draft: RunDraft, reason: Reason): void {
  draft.emit({ type: 'stage-ended', stage: 'commit', status: 'failed', reason });
  endRun(draft);
}

/** Skipping a job may strand those that need it, whatever the order of the file: repeat until nothing moves. */
function advanceJobs(draft: RunDraft, stage: StageName): void {
  let moved = true;
  while (moved) {
    moved = false;
    for (const planned of jobsOf(draft.state, stage)) {
      const job = jobOf(draft.state, planned.key);
      if (job.retryAt !== undefined && job.retryAt <= draft.ctx.now) queueAttempt(draft, planned.key);
      if (job.status !== 'queued' || job.attempts.length > 0) continue;
      const ready = readiness(draft.state, planned);
      if (ready.kind === 'start') queueAttempt(draft, planned.key);
      if (ready.kind === 'start' || ready.kind === 'wait') continue;
      if (ready.kind === 'skip') skipJob(draft, planned.key, ready.reason);
      else endJobBadly(draft, planned.key, ready.kind === 'refuse' ? 'failed' : 'errored', ready.reason);
      moved = true;
    }
  }
}

function advanceRelease(draft: RunDraft): void {
  const { lanes, image } = draft.state;
  if (lanes.length === 0) return endRun(draft);
  if (draft.state.stages.release.startedAt === undefined) {
    const hindrance = releaseHindrance(draft.state, image !== undefined);
    if (hindrance) {
      draft.emit({ type: 'stage-ended', stage: 'release', status: 'skipped', reason: hindrance });
      return endRun(draft);
    }
    draft.emit({ type: 'stage-started', stage: 'release' });
    draft.effect({ type: 'make-release' });
    return;
  }
  if (!isTerminal(draft.state.stages.release.status)) return;
  endStage(draft, 'release');
  endRun(draft);
}

function releaseHindrance({ trust, pullRequest }: RunState, hasImage: boolean): Reason | undefined {
  if (trust === 'untrusted') {
    return { code: 'untrusted-run', message: 'The change comes from outside the team, so this run makes no release.' };
  }
  if (pullRequest) {
    return { code: 'pull-request', message: 'A pull request makes no release; what is merged does.' };
  }
  if (!hasImage) return { code: 'no-image', message: 'This run built no image, so there is nothing to release.' };
  return undefined;
}

function endEarly(draft: RunDraft, stopped: StageName): void {
  const reason: Reason = {
    code: 'stage-not-passed',
    message: `The ${stopped} stage ${wasOrIs(draft.state.stages[stopped].status)}.`,
  };
  skipStagesAfter(draft, STAGE_ORDER.indexOf(stopped) + 1, reason);
  endRun(draft);
}

/** Running attempts and deployments that hold a lane are waited for; what has not begun never begins (I19). */
function endCancelledRun(draft: RunDraft): void {
  const how = draft.state.cancelRequested?.supersededBy === undefined ? 'cancelled' : 'superseded';
  const reason: Reason = { code: 'run-cancelled', message: `The run was ${how} before this began.` };
  for (const { key } of draft.state.plan.jobs) {
    const job = jobOf(draft.state, key);
    if (!isTerminal(job.status) && job.attempts.every(({ status }) => isTerminal(status)))
      callOffJob(draft, key, reason);
  }
  if (Object.values(draft.state.jobs).some(({ status }) => !isTerminal(status))) return;
  if (draft.state.lanes.some(({ status }) => status === 'waiting' || status === 'running' || status === 'unknown'))
    return;
  for (const stage of STAGE_ORDER) {
    const { startedAt, finishedAt } = draft.state.stages[stage];
    if (finishedAt !== undefined || isAbsent(draft.state, stage)) continue;
    if (startedAt === undefined) skipStage(draft, stage, reason);
    else endStage(draft, stage);
  }
  endRun(draft);
}

function skipStagesAfter(draft: RunDraft, from: number, reason: Reason): void {
  for (const stage of STAGE_ORDER.slice(from)) {
    if (!isAbsent(draft.state, stage)) skipStage(draft, stage, reason);
  }
}
