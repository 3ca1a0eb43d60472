import { isTerminal } from './statuses.ts';
import type { DecideContext, LaneMirror, RunCommand, RunState } from './run.ts';
import { draftRun, ignored, rejected } from './run-draft.ts';
import type { RunDecision } from './run-draft.ts';
import { advanceRun } from './advance-run.ts';
import { canMove, LANE_MIRROR_TRANSITIONS } from './transitions.ts';

/** A release that comes to be after its run was cancelled is taken back at once. */
export function recordRelease(
  state: RunState,
  { releaseId }: Extract<RunCommand, { type: 'release-made' }>,
  ctx: DecideContext,
): RunDecision {
  if (state.releaseId !== undefined) {
    if (state.releaseId === releaseId) return ignored('The release is recorded already.');
    return rejected(
      'other-release',
      `The run made the release "${state.releaseId}"; it cannot make "${releaseId}" too.`,
    );
  }
  if (isTerminal(state.status)) return afterTheEnd(state, releaseId);
  if (state.stages.release.startedAt === undefined) return noRelease();
  const draft = draftRun(state, ctx);
  draft.emit({ type: 'release-made', releaseId });
  if (state.cancelRequested) draft.effect({ type: 'withdraw-release', releaseId });
  return draft.accepted();
}

/** The lane is the truth, and its words may come late, twice or out of order. */
export function mirrorLane(
  state: RunState,
  command: Extract<RunCommand, { type: 'lane-changed' }>,
  ctx: DecideContext,
): RunDecision {
  const { type: _, ...word } = command;
  const mirror = state.lanes.find(({ environment }) => environment === word.environment);
  if (!mirror) return rejected('unknown-environment', `The run's route has no environment "${word.environment}".`);
  if (isTerminal(state.status)) {
    return word.status === 'waiting'
      ? afterTheEnd(state, state.releaseId)
      : ignored(`The run has ended already: ${state.status}.`);
  }
  if (state.stages.release.startedAt === undefined) return noRelease();
  if (isOldWord(mirror, command)) return ignored('The run has heard a newer word of this lane.');

  const draft = draftRun(state, ctx);
  draft.emit({ type: 'lane-changed', ...word });
  // A withdrawal that came before the release entered this lane did not take hold: say it again.
  if (state.cancelRequested && word.status === 'waiting' && state.releaseId !== undefined) {
    draft.effect({ type: 'withdraw-release', releaseId: state.releaseId });
  }
  advanceRun(draft);
  return draft.accepted();
}

function isOldWord(mirror: LaneMirror, word: Extract<RunCommand, { type: 'lane-changed' }>): boolean {
  if (mirror.laneVersion !== undefined && word.laneVersion < mirror.laneVersion) return true;
  return !canMove(LANE_MIRROR_TRANSITIONS, mirror.status, word.status);
}

/** The run's state is final; only the release that outlived a cancel is called back. */
function afterTheEnd(state: RunState, releaseId: string | undefined): RunDecision {
  if (!state.cancelRequested || releaseId === undefined) return ignored(`The run has ended already: ${state.status}.`);
  return { kind: 'accepted', events: [], effects: [{ type: 'withdraw-release', releaseId }] };
}

function noRelease(): RunDecision {
  return rejected('no-release', 'The run has not come to its release stage.');
}
