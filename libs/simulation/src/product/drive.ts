import type { Task } from '../kernel/kernel.ts';
import { applyToLane, bindToSettings } from './lane-store.ts';
import type { Replica, Unit } from './replica.ts';
import type { DeploymentIntent, DeploymentRow } from './tables.ts';
import { TargetSilentError, type Seen, type Target } from './target.ts';

const CLAIM_MS = 12_000;
const RENEW_MS = 3_000;
const SILENCE_MS = 60_000;
const BACKOFF_MS = 15_000;

class ClaimLostError extends Error {
  override readonly name = 'ClaimLostError';
}

/** The right to drive one deployment; its holder knows by its own clock when it ended. */
interface Claim {
  readonly deploymentId: string;
  readonly holder: string;
  validUntil: number;
  over: boolean;
}

/** features/targets/running-drives.ts */
export function startDrive(replica: Replica, target: Target, deploymentId: string): void {
  if (replica.driving.has(deploymentId)) return;
  replica.driving.add(deploymentId);
  replica.at.kernel.spawn(replica.process, driveDeployment(replica, target, deploymentId), () =>
    replica.driving.delete(deploymentId),
  );
}

/** features/targets/drive-deployment.ts: claim, look, write the intention, act, write the result, look again. */
function* driveDeployment(replica: Replica, target: Target, deploymentId: string): Task {
  const claim = yield* take(replica, deploymentId);
  if (!claim) return;
  replica.at.kernel.spawn(replica.process, renewing(replica, claim));
  try {
    yield* steer(replica, target, claim);
    yield* replica.transaction(function* (unit) {
      const row = yield* unit.lock('deployments', deploymentId);
      if (row?.holder === claim.holder) unit.put('deployments', { ...row, holder: null, holderUntil: 0 });
    });
  } catch (error) {
    if (!(error instanceof ClaimLostError)) throw error;
  } finally {
    claim.over = true;
  }
}

export function unheldDeployments(replica: Replica): string[] {
  const { store, kernel } = replica.at;
  return store
    .rows('deployments')
    .filter(({ status, holder, holderUntil }) => isUnderWay(status) && (holder === null || holderUntil < kernel.now))
    .map(({ id }) => id);
}

function* take(replica: Replica, deploymentId: string): Task<Claim | undefined> {
  const asked = replica.at.kernel.now;
  return yield* replica.transaction(function* (unit): Task<Claim | undefined> {
    const row = yield* unit.lock('deployments', deploymentId);
    const { now } = replica.at.kernel;
    if (!row || !isUnderWay(row.status) || !replica.at.wiring.mayClaim(row, replica.id, now)) return undefined;
    unit.put('deployments', { ...row, holder: replica.id, holderUntil: now + CLAIM_MS });
    return { deploymentId, holder: replica.id, validUntil: asked + CLAIM_MS, over: false };
  });
}

function* renewing(replica: Replica, claim: Claim): Task {
  for (;;) {
    yield RENEW_MS;
    if (claim.over) return;
    const asked = replica.at.kernel.now;
    const held = yield* replica.transaction(function* (unit) {
      const row = yield* unit.lock('deployments', claim.deploymentId);
      if (row?.holder !== claim.holder) return false;
      unit.put('deployments', { ...row, holderUntil: replica.at.kernel.now + CLAIM_MS });
      return true;
    });
    claim.validUntil = held ? asked + CLAIM_MS : 0;
    if (!held) return;
  }
}

function* steer(replica: Replica, target: Target, claim: Claim): Task {
  const { kernel, random, wiring, store } = replica.at;
  yield store.statement();
  let { intent, cursor } = store.get('deployments', claim.deploymentId)!;
  if (!intent) {
    intent = makeIntent(replica, target, claim.deploymentId);
    yield* save(replica, claim, { intent });
  }
  const { laneId } = store.get('deployments', claim.deploymentId)!;
  let misses = 0;
  let seen: Seen = 'absent';
  for (;;) {
    try {
      if (wiring.guards.lookBeforeActing || seen !== 'absent' || !cursor.pending)
        seen = yield* target.observe(intent, claim.holder);
      misses = 0;
      if (cursor.silentSince !== null)
        yield* save(replica, claim, { cursor: (cursor = { ...cursor, silentSince: null }) });
      if (seen === 'absent') {
        yield* save(replica, claim, { cursor: (cursor = { ...cursor, pending: true }) });
        if (kernel.now >= claim.validUntil) throw new ClaimLostError('the claim ended');
        yield* target.create(intent, claim.holder);
        yield* save(replica, claim, { cursor: (cursor = { ...cursor, pending: false }) });
      } else if (seen === 'going') yield 2_000;
      else return yield* end(replica, claim, laneId, seen);
    } catch (error) {
      if (!(error instanceof TargetSilentError)) throw error;
      const since = cursor.silentSince ?? kernel.now;
      if (cursor.silentSince === null)
        yield* save(replica, claim, { cursor: (cursor = { ...cursor, silentSince: since }) });
      if (kernel.now - since >= SILENCE_MS) yield* markUnknown(replica, claim, laneId);
      misses += 1;
      const limit = Math.min(BACKOFF_MS, 250 * 2 ** misses);
      yield random.between(Math.floor(limit / 2), limit);
    }
  }
}

function makeIntent(replica: Replica, target: Target, deploymentId: string): DeploymentIntent {
  const { store, wiring } = replica.at;
  const row = store.get('deployments', deploymentId)!;
  const release = store.get('releases', row.releaseId)!;
  const digest = wiring.digestOf(release, () => target.tagOf(release.serviceId));
  return { deploymentId, lane: row.laneId, runNumber: release.runNumber, digest, target: row.target };
}

function* save(replica: Replica, claim: Claim, change: Partial<Pick<DeploymentRow, 'intent' | 'cursor'>>): Task {
  yield* replica.transaction(function* (unit) {
    const row = yield* ensureHeld(replica, unit, claim);
    unit.put('deployments', { ...row, ...change });
  });
}

function* end(replica: Replica, claim: Claim, laneId: string, seen: Exclude<Seen, 'absent' | 'going'>): Task {
  const { deploymentId } = claim;
  const outcome = seen === 'healthy' ? 'passed' : seen === 'refused' ? 'failed' : 'rolled-back';
  yield* replica.transaction(function* (unit) {
    yield* unit.lock('lanes', laneId);
    yield* ensureHeld(replica, unit, claim);
    // The end may start the next release that waits: under the settings of now, not of then.
    yield* bindToSettings(replica, unit, laneId);
    yield* applyToLane(replica, unit, laneId, { type: 'deployment-ended', deploymentId, outcome });
  });
}

function* markUnknown(replica: Replica, claim: Claim, laneId: string): Task {
  const { deploymentId } = claim;
  const reason = { code: 'target-silent', message: 'The target gives no answer.' };
  yield* replica.transaction(function* (unit) {
    yield* unit.lock('lanes', laneId);
    yield* ensureHeld(replica, unit, claim);
    yield* applyToLane(replica, unit, laneId, { type: 'deployment-unknown', deploymentId, reason });
  });
}

function* ensureHeld(replica: Replica, unit: Unit, claim: Claim): Task<DeploymentRow> {
  const row = yield* unit.lock('deployments', claim.deploymentId);
  if (row?.holder !== claim.holder || row.holderUntil <= replica.at.kernel.now)
    throw new ClaimLostError('the claim ended');
  return row;
}

function isUnderWay(status: DeploymentRow['status']): boolean {
  return status === 'running' || status === 'unknown';
}
