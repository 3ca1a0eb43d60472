import type { DecideContext, RunCommand, RunState } from './run.ts';
import { isTerminal } from './statuses.ts';
import { draftNewRun, draftRun, ignored, rejected } from './run-draft.ts';
import type { RunDecision } from './run-draft.ts';
import { admitRun } from './admit-run.ts';
import { advanceRun } from './advance-run.ts';
import { cancelRun, supersedeRun } from './cancel-run.ts';
import { endAttempt, startAttempt } from './end-attempt.ts';
import { mirrorLane, recordRelease } from './mirror-lane.ts';

/** Decides one command on one run. Pure: the same state, command and context give the same decision. */
export function decideRun(state: RunState | undefined, command: RunCommand, ctx: DecideContext): RunDecision {
  if (command.type === 'create') return state ? createdAlready(state, command) : createRun(command, ctx);
  if (!state) return rejected('unknown-run', 'There is no such run.');
  switch (command.type) {
    case 'attempt-started':
      return startAttempt(state, command, ctx);
    case 'attempt-ended':
      return endAttempt(state, command, ctx);
    case 'admit':
      return admitRun(state, command, ctx);
    case 'wake':
      return wakeRun(state, ctx);
    case 'cancel':
      return cancelRun(state, command, ctx);
    case 'supersede':
      return supersedeRun(state, command, ctx);
    case 'release-made':
      return recordRelease(state, command, ctx);
    case 'lane-changed':
      return mirrorLane(state, command, ctx);
    default:
      return unknownCommand(command);
  }
}

function createRun(
  { identity, plan, refused, carried, held }: Extract<RunCommand, { type: 'create' }>,
  ctx: DecideContext,
): RunDecision {
  const draft = draftNewRun(
    {
      type: 'run-created',
      identity,
      plan,
      ...(refused && { refused }),
      ...(carried && { carried }),
      ...(held && { held }),
    },
    ctx,
  );
  advanceRun(draft);
  return draft.accepted();
}

function wakeRun(state: RunState, ctx: DecideContext): RunDecision {
  if (isTerminal(state.status)) return ignored(`The run has ended already: ${state.status}.`);
  const draft = draftRun(state, ctx);
  advanceRun(draft);
  const decision = draft.accepted();
  return decision.kind === 'accepted' && decision.events.length === 0 ? ignored('Nothing is due.') : decision;
}

function createdAlready(state: RunState, { identity }: Extract<RunCommand, { type: 'create' }>): RunDecision {
  if (state.runId === identity.runId) return ignored('The run exists already.');
  return rejected('other-run', `Run ${state.runId} cannot be created again as ${identity.runId}.`);
}

function unknownCommand(command: never): never {
  throw new TypeError(`A run knows no command of the type "${(command as RunCommand).type}".`);
}
