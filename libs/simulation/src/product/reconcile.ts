import type { Task } from '../kernel/kernel.ts';
import {
  dropPollsOf,
  endAttempt,
  leaseOf,
  lockAttempt,
  RENEW_MS,
  withLease,
  type LeaseCause,
} from './attempt-lease.ts';
import { dispatch, POLL_MS } from './dispatch.ts';
import { sealOverdue } from './hold-lease.ts';
import { instant, type Replica } from './replica.ts';

export const SWEEP_MS = 3_000;
/** More than this many at once, and more than this share of all, is rather our trouble than that of all those runners. */
const MANY = 5;
const SHARE = 0.2;

/** features/dispatch/reconcile.ts: one pass finds in the rows what a lost message should have brought. */
export function* sweep(replica: Replica): Task {
  yield* expireLeases(replica);
  yield* clearPolls(replica);
  const { store, kernel } = replica.at;
  const pools = new Set(
    store
      .rows('polls')
      .filter(({ attemptId, expiresAt }) => attemptId === null && expiresAt > kernel.now)
      .map(({ poolId }) => poolId),
  );
  for (const poolId of pools) {
    if (store.rows('attempts').some((row) => row.poolId === poolId && row.status === 'queued'))
      yield* dispatch(replica, poolId);
  }
  yield* sealOverdue(replica);
  replica.relayWake.give();
}

function* expireLeases(replica: Replica): Task {
  const { store, kernel } = replica.at;
  yield store.statement();
  const leases = store.rows('attempts').filter(({ status }) => status === 'running');
  const expired = leases.filter(({ expiresAt }) => expiresAt !== null && expiresAt <= kernel.now);
  if (expired.length === 0 || isSuspicious(replica, expired.length, leases.length)) return;
  for (const { id } of expired) yield* expire(replica, id);
}

/** After an outage every lease looks expired: runners get one period to renew first (F25). */
function isSuspicious(replica: Replica, expired: number, leases: number): boolean {
  const { now } = replica.at.kernel;
  if (expired <= MANY || expired <= leases * SHARE) {
    replica.suspiciousSince = undefined;
    return false;
  }
  replica.suspiciousSince ??= now;
  return now - replica.suspiciousSince < RENEW_MS;
}

/** features/dispatch/expire-leases.ts */
function* expire(replica: Replica, attemptId: string): Task {
  yield* replica.transaction(
    function* (unit) {
      const row = yield* lockAttempt(unit, attemptId);
      if (!row) return;
      const decision = replica.at.wiring.expireLease(leaseOf(row), instant(replica.at.kernel.now));
      if (decision.kind !== 'accepted') return;
      if (decision.lease.status === 'queued') {
        unit.put('attempts', withLease(row, decision.lease));
        yield* dropPollsOf(unit, attemptId);
        if (row.poolId) replica.send(unit, 'look-at-pool', { poolId: row.poolId });
        return;
      }
      unit.put('attempts', { ...row, epoch: decision.lease.epoch, expiresAt: null });
      yield* endAttempt(replica, unit, unit.get('attempts', attemptId)!, { outcome: 'lost' });
    },
    { kind: 'expire', attemptId } satisfies LeaseCause,
  );
}

function* clearPolls(replica: Replica): Task {
  const { store, kernel } = replica.at;
  yield store.statement();
  const dead = store.rows('polls').filter(({ id, attemptId, expiresAt }) => {
    if (attemptId === null) return expiresAt < kernel.now - 30_000;
    const row = store.get('attempts', attemptId);
    return !(row?.pollId === id && row.status === 'running' && row.startedAt === null);
  });
  for (const { id, attemptId } of dead) {
    yield* replica.transaction(function* (unit) {
      const row = yield* unit.lock('polls', id);
      if (row && row.attemptId === attemptId) unit.drop('polls', id);
    });
  }
}

/** features/dispatch/vouch-for-polls.ts: while this process lives, its polls do; answers whose hint was lost are found. */
export function* vouchForPolls(replica: Replica): Task {
  const { store, kernel } = replica.at;
  yield store.statement();
  for (const [id, waiting] of replica.waiting) {
    const row = store.get('polls', id);
    if (!row) continue;
    if (row.replicaId === replica.id && row.attemptId === null) {
      yield* replica.transaction(function* (unit) {
        const now = yield* unit.lock('polls', id);
        if (now && now.attemptId === null) unit.put('polls', { ...now, expiresAt: kernel.now + POLL_MS });
      });
    } else waiting.give();
  }
}
