import { isTerminal } from './statuses.ts';
import type { DecideContext, RunCommand, RunState } from './run.ts';
import { draftRun, ignored, rejected } from './run-draft.ts';
import type { RunDecision } from './run-draft.ts';
import { advanceRun } from './advance-run.ts';

/**
 * Work that has not begun ends here; work that runs is told to stop and waited for. `cancel-attempt` is also given for
 * queued attempts: their rows must leave the queue, and a lease may have been granted that the run has not heard of.
 */
export function cancelRun(
  state: RunState,
  command: Extract<RunCommand, { type: 'cancel' }>,
  ctx: DecideContext,
): RunDecision {
  if (isTerminal(state.status)) return rejected('already-finished', `The run has ended already: ${state.status}.`);
  if (state.cancelRequested) return ignored('The run is being cancelled already.');

  const draft = draftRun(state, ctx);
  draft.emit({
    type: 'cancel-requested',
    by: command.by,
    ...(command.reason !== undefined && { reason: command.reason }),
  });
  const reason = { code: 'run-cancelled', message: `Cancelled by ${command.by.name} before it began.` };
  for (const { key: jobKey } of state.plan.jobs) {
    const attempt = state.jobs[jobKey]?.attempts.find(({ status }) => !isTerminal(status));
    if (!attempt) continue;
    draft.effect({ type: 'cancel-attempt', jobKey, attemptId: attempt.id });
    if (attempt.status !== 'queued') continue;
    draft.emit({ type: 'attempt-ended', jobKey, attemptId: attempt.id, status: 'cancelled', reason });
    draft.emit({ type: 'job-ended', jobKey, status: 'cancelled', reason });
  }
  const deploying = state.lanes.some(({ status }) => status === 'running' || status === 'unknown');
  if (state.releaseId !== undefined && !deploying)
    draft.effect({ type: 'withdraw-release', releaseId: state.releaseId });
  advanceRun(draft);
  return draft.accepted();
}
