import type { Actor, Approver, ContributorFacts, GateRule, LaneCommand, Role } from '@sluice/engine';
import type { Task } from '../kernel/kernel.ts';
import { applyToLane, bindToSettings, rightsNow } from './lane-store.ts';
import { Refused, type Replica } from './replica.ts';
import type { Tables } from './tables.ts';

/** For the checks: what the person did, whatever the decision is told. */
export interface GateCause {
  readonly kind: 'approve' | 'reject';
  readonly deploymentId: string;
  readonly userId: string;
  readonly binding: string;
  readonly facts: ContributorFacts;
}

export interface GateWish {
  readonly userId: string;
  readonly deploymentId: string;
  /** What the person saw. */
  readonly binding: string;
}

/** Reads git and the rows: who had a hand in the change between what is live and the release. */
export type ReadContributors = (
  release: Tables['releases'],
  live: { deploymentId: string; commit: string; runNumber: number } | null,
) => ContributorFacts;

const MAX_LOOKS = 3;

/** features/lanes/decide-gate.ts: facts before the transaction, rights inside it. */
export function* approve(replica: Replica, wish: GateWish, read: ReadContributors): Task {
  for (let look = 1; ; look += 1) {
    const { laneId, release, live } = findDeployment(replica, wish.deploymentId);
    const facts = read(release, live);
    yield replica.at.random.between(5, 200);
    const refusal = yield* decide(replica, laneId, wish, { kind: 'approve', ...wish, facts }, (by, earlier) => ({
      type: 'approve',
      deploymentId: wish.deploymentId,
      by,
      binding: wish.binding,
      contributors: facts,
      earlier,
    }));
    if (refusal === undefined) return;
    if (refusal !== 'facts-outdated' || look === MAX_LOOKS) throw new Refused(refusal);
  }
}

export function* reject(replica: Replica, wish: GateWish): Task {
  const { laneId } = findDeployment(replica, wish.deploymentId);
  const facts = { since: null, contributors: [] };
  const refusal = yield* decide(replica, laneId, wish, { kind: 'reject', ...wish, facts }, (by) => ({
    type: 'reject',
    deploymentId: wish.deploymentId,
    by,
    binding: wish.binding,
    reason: 'too risky',
  }));
  if (refusal !== undefined) throw new Refused(refusal);
}

function findDeployment(replica: Replica, deploymentId: string) {
  const { store } = replica.at;
  const row = store.get('deployments', deploymentId);
  if (!row) throw new Refused('not-found');
  const { live } = store.get('lanes', row.laneId)!.state;
  return {
    laneId: row.laneId,
    release: store.get('releases', row.releaseId)!,
    live: live
      ? { deploymentId: live.deploymentId, commit: live.release.commit, runNumber: live.release.runNumber }
      : null,
  };
}

function* decide(
  replica: Replica,
  laneId: string,
  { userId, deploymentId }: GateWish,
  cause: GateCause,
  command: (by: Approver, earlier: readonly Approver[]) => Extract<LaneCommand, { type: 'approve' | 'reject' }>,
): Task<string | undefined> {
  return yield* replica.transaction(function* (unit): Task<string | undefined> {
    yield* bindToSettings(replica, unit, laneId);
    const by = yield* rightsNow(unit, userId);
    const approvals = unit.get('lanes', laneId)?.state.open.find(({ id }) => id === deploymentId)?.approvals ?? [];
    const earlier: Approver[] = [];
    for (const approval of approvals) earlier.push(yield* rightsNow(unit, approval.userId));
    const decided = command(by, earlier);
    const applied = yield* applyToLane(replica, unit, laneId, decided);
    if (applied.kind === 'rejected') return applied.code;
    if (applied.kind === 'accepted') replica.audit(unit, userId, `gate.${decided.type}`, decided.deploymentId);
    return undefined;
  }, cause);
}

export interface EnvironmentChange {
  readonly gate: GateRule;
  readonly target: string;
}

/** The settings of an environment: the row at once, its lanes by the outbox. */
export function* changeSettings(replica: Replica, by: Actor, id: string, change: EnvironmentChange): Task {
  yield* replica.transaction(function* (unit) {
    const row = (yield* unit.lock('environments', id))!;
    const { gate, target } = change;
    unit.put('environments', { ...row, gate, target, settingsHash: JSON.stringify(change) });
    replica.send(unit, 'rebind-lanes', { environmentId: id });
    replica.audit(unit, by.name, 'environment.change', id);
  });
}

/** features/identity: a right that is taken away waits for the decision that just read it, or comes before it (F59). */
export function* changeRoles(replica: Replica, by: Actor, userId: string, roles: readonly Role[]): Task {
  yield* replica.transaction(function* (unit) {
    const row = (yield* unit.lock('memberships', userId))!;
    unit.put('memberships', { ...row, roles });
    replica.audit(unit, by.name, 'membership.change', userId);
  });
}
