import { isActiveDeployment } from './statuses.ts';
import type { DecideContext } from './run.ts';
import type { Approver, Contributor, LaneCommand, LaneDeployment, LaneState } from './lane.ts';
import { ignored, rejected } from './run-draft.ts';
import { draftLane } from './lane-draft.ts';
import type { LaneDecision } from './lane-draft.ts';
import { advanceLane } from './advance-lane.ts';
import { unlinkedHands } from './approvals-needed.ts';
import { approverStanding, entitlementNeeded, isEntitled } from './approver-standing.ts';

type Approve = Extract<LaneCommand, { type: 'approve' }>;
type Recheck = Extract<LaneCommand, { type: 'recheck-approvers' }>;
type Reject = Extract<LaneCommand, { type: 'reject' }>;

/** An approval given again is judged anew: who had a hand in the change may be known better by now. */
export function approveGate(state: LaneState, command: Approve, ctx: DecideContext): LaneDecision {
  const { by, contributors } = command;
  const deployment = state.open.find(({ id }) => id === command.deploymentId);
  const before = deployment?.approvals.find(({ userId }) => userId === by.userId);
  const repeated = before !== undefined && deployment?.binding === command.binding;
  if (repeated && deployment?.status !== 'waiting') return approvedAlready(by);
  const refusal = refuse(deployment, command);
  if (refusal || !deployment) return refusal ?? notWaiting(deployment);
  if (contributors.since !== (state.live?.deploymentId ?? null)) {
    return rejected(
      'facts-outdated',
      'Another release went live meanwhile, so the change is not what it was: look again and decide anew.',
    );
  }
  const { gate } = state.settings;
  const standing = approverStanding(gate, by, contributors.contributors);
  if (!standing.can) return rejected(standing.code, standing.why);
  const mayStill = (person: Approver) => approverStanding(gate, person, contributors.contributors).can;
  const lapsed = lapsedApprovals(deployment, [...command.earlier, by], mayStill);
  const unlinked = gate.noSelfApproval ? unlinkedHands(contributors.contributors) : [];
  if (repeated && lapsed.length === 0 && areSame(unlinked, deployment.unlinked ?? [])) return approvedAlready(by);

  const draft = draftLane(state, ctx);
  const note = command.note ?? before?.note;
  if (lapsed.length > 0) draft.emit({ type: 'approvals-lapsed', deploymentId: deployment.id, userIds: lapsed });
  draft.emit({
    type: 'approved',
    deploymentId: deployment.id,
    approval: {
      userId: by.userId,
      name: by.name,
      at: ctx.now,
      ...(note !== undefined && { note }),
    },
    ...(unlinked.length > 0 && { unlinked }),
  });
  advanceLane(draft);
  return draft.accepted();
}

function approvedAlready({ name }: Approver): LaneDecision {
  return ignored(`${name} has approved this already.`);
}

function areSame(a: readonly Contributor[], b: readonly Contributor[]): boolean {
  const names = (hands: readonly Contributor[]) => hands.map(({ identity }) => identity.toLowerCase()).toSorted();
  return JSON.stringify(names(a)) === JSON.stringify(names(b));
}

/** Rights alone: who had a hand in the change was looked at when the approval was given. */
export function recheckApprovers(state: LaneState, { people }: Recheck, ctx: DecideContext): LaneDecision {
  const draft = draftLane(state, ctx);
  let lapsedAny = false;
  for (const deployment of state.open.filter(({ status }) => status === 'waiting')) {
    const lapsed = lapsedApprovals(deployment, people, (person) => isEntitled(state.settings.gate, person));
    if (lapsed.length === 0) continue;
    draft.emit({ type: 'approvals-lapsed', deploymentId: deployment.id, userIds: lapsed });
    lapsedAny = true;
  }
  return lapsedAny ? draft.accepted() : ignored('Whoever approved may still do so.');
}

/** A right that was taken away takes the approval with it (I16); whoever is not named has none. */
function lapsedApprovals(
  { approvals }: LaneDeployment,
  people: readonly Approver[],
  mayStill: (person: Approver) => boolean,
): string[] {
  const able = new Set(people.filter(mayStill).map(({ userId }) => userId));
  return approvals.map(({ userId }) => userId).filter((userId) => !able.has(userId));
}

/** One entitled no is enough, also from somebody with a hand in the change. */
export function rejectGate(state: LaneState, command: Reject, ctx: DecideContext): LaneDecision {
  const { by } = command;
  const reason = command.reason.trim();
  const deployment = state.open.find(({ id }) => id === command.deploymentId);
  const refusal = refuse(deployment, command);
  if (refusal || !deployment) return refusal ?? notWaiting(deployment);
  if (reason === '') return rejected('reason-required', 'A rejection needs a reason: say what must change.');
  if (!isEntitled(state.settings.gate, by)) return rejected('not-entitled', entitlementNeeded(state.settings.gate, by));

  const draft = draftLane(state, ctx);
  draft.emit({ type: 'rejected', deploymentId: deployment.id, by, reason });
  draft.end(deployment, 'failed', { code: 'rejected', message: `Rejected by ${by.name}: ${reason}` });
  advanceLane(draft);
  return draft.accepted();
}

function refuse(deployment: LaneDeployment | undefined, { binding }: Approve | Reject): LaneDecision | undefined {
  if (deployment?.status !== 'waiting') return notWaiting(deployment);
  if (deployment.binding === binding) return undefined;
  return rejected(
    'release-changed',
    'The release or the settings of its environment changed since you looked: look again and decide anew.',
  );
}

function notWaiting(deployment: LaneDeployment | undefined): LaneDecision {
  const message =
    deployment && isActiveDeployment(deployment.status)
      ? 'The gate is open already and the deployment runs.'
      : 'No such deployment waits in this lane; it has ended or was replaced by a newer one.';
  return rejected('not-waiting', message);
}
