import type { DecideContext } from './run.ts';
import { LANE_VERSION } from './lane.ts';
import type { LaneCommand, LaneSettings, LaneState } from './lane.ts';
import { ignored, rejected } from './run-draft.ts';
import { draftLane } from './lane-draft.ts';
import type { LaneDecision } from './lane-draft.ts';
import { advanceLane, isInOrder } from './advance-lane.ts';
import { approveGate, recheckApprovers, rejectGate } from './open-gate.ts';
import { endDeployment, holdUnknown, withdrawRelease } from './end-deployment.ts';
import { offerRelease } from './offer-release.ts';

/** Decides one command on one lane. Pure: the same state, command and context give the same decision. */
export function decideLane(state: LaneState | undefined, command: LaneCommand, ctx: DecideContext): LaneDecision {
  if (command.type === 'open-lane') return state ? ignored('The lane is open already.') : openLane(command, ctx);
  if (!state) return rejected('unknown-lane', 'There is no such lane.');
  switch (command.type) {
    case 'offer':
      return offerRelease(state, command, ctx);
    case 'change-settings':
      return changeSettings(state, command, ctx);
    case 'recheck-approvers':
      return recheckApprovers(state, command, ctx);
    case 'approve':
      return approveGate(state, command, ctx);
    case 'reject':
      return rejectGate(state, command, ctx);
    case 'withdraw':
      return withdrawRelease(state, command, ctx);
    case 'deployment-ended':
      return endDeployment(state, command, ctx);
    case 'deployment-unknown':
      return holdUnknown(state, command, ctx);
    default:
      return unknownCommand(command);
  }
}

function openLane(command: Extract<LaneCommand, { type: 'open-lane' }>, ctx: DecideContext): LaneDecision {
  const { laneId, teamId, serviceId, environment, settings } = command;
  return {
    kind: 'accepted',
    events: [{ v: LANE_VERSION, at: ctx.now, type: 'lane-opened', laneId, teamId, serviceId, environment, settings }],
    effects: [],
  };
}

/** Each waiting deployment needs its new binding: without one, old approvals would open the gate of new settings (I17). */
function changeSettings(
  state: LaneState,
  { settings, bindings }: Extract<LaneCommand, { type: 'change-settings' }>,
  ctx: DecideContext,
): LaneDecision {
  const waiting = state.open.filter(({ status }) => status === 'waiting');
  if (isSame(state.settings, settings) && waiting.every(({ id, binding }) => (bindings[id] ?? binding) === binding)) {
    return ignored('The settings are these already.');
  }
  const unbound = waiting.find(({ id }) => bindings[id] === undefined);
  if (unbound)
    return rejected('binding-missing', `Deployment "${unbound.id}" waits here and was given no new binding.`);
  const draft = draftLane(state, ctx);
  draft.emit({ type: 'settings-changed', settings, bindings });
  advanceLane(draft);
  return draft.accepted();
}

function isSame(a: LaneSettings, b: LaneSettings): boolean {
  return (
    a.settingsHash === b.settingsHash &&
    isInOrder(a) === isInOrder(b) &&
    a.gate.approvals === b.gate.approvals &&
    a.gate.noSelfApproval === b.gate.noSelfApproval &&
    a.gate.roles.length === b.gate.roles.length &&
    a.gate.roles.every((role) => b.gate.roles.includes(role))
  );
}

function unknownCommand(command: never): never {
  throw new TypeError(`A lane knows no command of the type "${(command as LaneCommand).type}".`);
}
