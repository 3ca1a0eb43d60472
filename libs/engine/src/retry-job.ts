import { queueAttempt } from './queue-attempt.ts';
import type { PlannedJob } from './plan.ts';
import type { JobState, Reason } from './run.ts';
import type { RunDraft } from './run-draft.ts';

/** However often the pause was multiplied. */
const LONGEST_PAUSE_SECONDS = 60 * 60;

/** Whether a job whose newest attempt ended like this has another one. */
export function mayRetry(
  { retry }: PlannedJob,
  job: JobState,
  status: 'failed' | 'errored' | 'lost',
  exitCode: number | undefined,
): boolean {
  if (job.attempts.length > retry.times) return false;
  return retry.on.includes(status) || (status === 'failed' && exitCode !== undefined && retry.exit.includes(exitCode));
}

/** The next attempt, at once or after the pause that its policy asks for. */
export function retryJob(draft: RunDraft, { key, retry }: PlannedJob, reason: Reason): void {
  const attempts = draft.state.jobs[key]?.attempts.length ?? 0;
  const pause = Math.min(LONGEST_PAUSE_SECONDS, retry.delaySeconds * retry.factor ** Math.max(0, attempts - 1));
  if (pause <= 0) return queueAttempt(draft, key);
  const readyAt = new Date(Date.parse(draft.ctx.now) + Math.round(pause * 1000)).toISOString();
  draft.emit({ type: 'retry-scheduled', jobKey: key, number: attempts + 1, readyAt, reason });
}
