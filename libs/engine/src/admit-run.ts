import { advanceRun } from './advance-run.ts';
import { draftRun, ignored, rejected } from './run-draft.ts';
import type { RunDecision } from './run-draft.ts';
import { isHeld } from './run-status.ts';
import type { DecideContext, RunCommand, RunState } from './run.ts';
import { isTerminal } from './statuses.ts';

/** A person lets a held run begin. What was looked at is one commit, so the word counts for that commit only (A16). */
export function admitRun(
  state: RunState,
  { by, commit }: Extract<RunCommand, { type: 'admit' }>,
  ctx: DecideContext,
): RunDecision {
  if (state.admitted) return ignored('The run has been let go already.');
  if (isTerminal(state.status)) return rejected('already-finished', `The run has ended already: ${state.status}.`);
  if (!isHeld(state)) return rejected('not-held', 'Nobody needs to let this run go.');
  if (commit !== state.commit) {
    return rejected(
      'other-commit',
      `The run is of commit ${state.commit.slice(0, 12)}, not of the one you looked at; look again.`,
    );
  }
  const draft = draftRun(state, ctx);
  draft.emit({ type: 'run-admitted', by });
  advanceRun(draft);
  return draft.accepted();
}
