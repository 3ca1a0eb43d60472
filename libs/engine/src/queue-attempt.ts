import { jobOf } from './end-stage.ts';
import type { JobKey } from './plan.ts';
import type { RunDraft } from './run-draft.ts';

export function queueAttempt(draft: RunDraft, jobKey: JobKey): void {
  const number = jobOf(draft.state, jobKey).attempts.length + 1;
  const attempt = { jobKey, attemptId: draft.ctx.newId(), number };
  draft.emit({ type: 'attempt-queued', ...attempt });
  draft.effect({ type: 'queue-attempt', ...attempt });
}
