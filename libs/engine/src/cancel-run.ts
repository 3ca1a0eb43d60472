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

  return callOff(state, command, `Cancelled by ${command.by.name} before it began.`, ctx);
}

/**
 * A newer push to the same ref makes this run's answer worthless, where its definition says so. Once the release stage has
 * begun, the release may be in a lane already: from there on only lanes and people decide.
 */
export function supersedeRun(
  state: RunState,
  { number, event, trust }: Extract<RunCommand, { type: 'supersede' }>,
  ctx: DecideContext,
): RunDecision {
  if (isTerminal(state.status)) return ignored(`The run has ended already: ${state.status}.`);
  if (state.cancelRequested) return ignored('The run is being cancelled already.');
  if (number <= state.number) return ignored(`Run ${number} is not newer.`);
  if (state.plan.concurrency?.cancel !== 'superseded') return ignored('Its definition lets no newer push end it.');
  if (state.plan.facts.event !== event) return ignored('The newer run was made by another kind of event.');
  // What comes from outside the team ends nothing of the team's.
  if (state.trust !== trust) return ignored('The newer run has another level of trust.');
  if (state.stages.release.startedAt !== undefined) return ignored('Its release is on its way.');
  const by = { kind: 'system', name: 'Sluice' } as const;
  return callOff(state, { by, supersededBy: number }, `Run ${number} took its place before it began.`, ctx);
}

function callOff(
  state: RunState,
  { by, reason, supersededBy }: Pick<NonNullable<RunState['cancelRequested']>, 'by' | 'reason' | 'supersededBy'>,
  message: string,
  ctx: DecideContext,
): RunDecision {
  const draft = draftRun(state, ctx);
  draft.emit({
    type: 'cancel-requested',
    by,
    ...(reason !== undefined && { reason }),
    ...(supersededBy !== undefined && { supersededBy }),
  });
  const ended = { code: 'run-cancelled', message };
  for (const { key: jobKey } of state.plan.jobs) {
    const attempt = state.jobs[jobKey]?.attempts.find(({ status }) => !isTerminal(status));
    if (!attempt) continue;
    draft.effect({ type: 'cancel-attempt', jobKey, attemptId: attempt.id });
    if (attempt.status !== 'queued') continue;
    draft.emit({ type: 'attempt-ended', jobKey, attemptId: attempt.id, status: 'cancelled', reason: ended });
    draft.emit({ type: 'job-ended', jobKey, status: 'cancelled', reason: ended });
  }
  const deploying = state.lanes.some(({ status }) => status === 'running' || status === 'unknown');
  if (state.releaseId !== undefined && !deploying)
    draft.effect({ type: 'withdraw-release', releaseId: state.releaseId });
  advanceRun(draft);
  return draft.accepted();
}
