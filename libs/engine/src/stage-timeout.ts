import type { StageName } from '@sluice/pipeline-spec';
import { callOffJob, jobOf, jobsOf, overdueReason } from './end-stage.ts';
import type { RunDraft } from './run-draft.ts';
import type { Instant, RunState } from './run.ts';
import { isTerminal } from './statuses.ts';

/** When a stage that has begun must have ended; undefined = it may take its time, or it is over. */
export function deadlineOf(state: RunState, stage: StageName): Instant | undefined {
  const { startedAt, finishedAt, overdueAt } = state.stages[stage];
  const seconds = stage === 'release' ? undefined : state.plan.stageTimeouts[stage];
  if ((seconds === undefined || startedAt === undefined || finishedAt) ?? overdueAt) return undefined;
  return new Date(Date.parse(startedAt) + seconds * 1000).toISOString();
}

/** A result that came before anybody looked at the clock still counts: a stage whose jobs have all ended is in time. */
export function isOverdue(state: RunState, stage: StageName, now: Instant): boolean {
  const deadline = deadlineOf(state, stage);
  if (deadline === undefined || now < deadline) return false;
  return jobsOf(state, stage).some(({ key }) => !isTerminal(jobOf(state, key).status));
}

/** What runs is told to stop and waited for; nothing else of the stage begins. */
export function stopOverdueStage(draft: RunDraft, stage: StageName): void {
  draft.emit({ type: 'stage-overdue', stage });
  const reason = overdueReason(draft.state, stage);
  for (const { key: jobKey } of jobsOf(draft.state, stage)) {
    const job = jobOf(draft.state, jobKey);
    if (isTerminal(job.status)) continue;
    const attempt = job.attempts.find(({ status }) => !isTerminal(status));
    if (!attempt) {
      callOffJob(draft, jobKey, reason);
      continue;
    }
    draft.effect({ type: 'cancel-attempt', jobKey, attemptId: attempt.id });
    if (attempt.status !== 'queued') continue;
    draft.emit({ type: 'attempt-ended', jobKey, attemptId: attempt.id, status: 'cancelled', reason });
    draft.emit({ type: 'job-ended', jobKey, status: 'cancelled', reason });
  }
}
