import type { LeaseHolder } from '@sluice/engine';
import { Signal, type Task } from '../kernel/kernel.ts';
import { giveBack, leaseOf, LEASE_MS, withLease, type LeaseCause } from './attempt-lease.ts';
import { countLimits, limitsOf } from './count-limits.ts';
import { instant, TIMED_OUT, type Replica, type Unit } from './replica.ts';
import type { Tables } from './tables.ts';

export const POLL_MS = 6_000;

export interface HeldLease extends LeaseHolder {
  readonly attemptId: string;
}

/** features/dispatch/dispatch.ts and grant-leases.ts */
export function* dispatch(replica: Replica, poolId: string): Task {
  const granted = yield* replica.transaction((unit) => grant(replica, unit, poolId), {
    kind: 'grant',
  } satisfies LeaseCause);
  for (const { id, replicaId } of granted) {
    const waiting = replica.waiting.get(id);
    if (waiting) waiting.give();
    else if (replicaId !== replica.id) replica.at.notifications.notify(replicaId, id);
  }
}

function* grant(replica: Replica, unit: Unit, poolId: string): Task<Tables['polls'][]> {
  const { wiring, kernel, store } = replica.at;
  const guarded = wiring.guards.grants;
  if (guarded) yield* unit.lock('pools', `dispatch:${poolId}`);
  const pool = unit.get('pools', poolId);
  if (!pool) return [];
  yield store.statement();
  const polls = withFreeSlots(
    unit,
    unit
      .rows('polls')
      .filter((poll) => poll.poolId === poolId && poll.attemptId === null && poll.expiresAt > kernel.now)
      .toSorted((a, b) => a.since - b.since)
      .filter(({ id }) => !guarded || unit.tryLock('polls', id)),
  );
  if (polls.length === 0) return [];
  yield store.statement();
  const limits = yield* countLimits(replica, unit, poolId);
  const ready = unit
    .rows('attempts')
    .filter((row) => row.poolId === poolId && row.status === 'queued' && !limits.isHeld(row))
    .filter(({ id }) => !guarded || unit.tryLock('attempts', id));
  if (ready.length === 0) return [];
  const load = new Map<string, number>();
  for (const { status, teamId } of unit.rows('attempts'))
    if (status === 'running') load.set(teamId, (load.get(teamId) ?? 0) + 1);
  const matches = wiring.pick(
    ready.map((row) => ({
      attemptId: row.id,
      teamId: row.teamId,
      trust: row.trust,
      labels: row.labels,
      priority: row.priority,
      limits: limitsOf(row),
      readyAt: instant(row.queuedAt),
    })),
    polls.map(({ id, runnerId, since }) => ({
      pollId: id,
      runnerId,
      trust: pool.trust,
      labels: pool.labels,
      teamId: pool.teamId,
      since: instant(since),
    })),
    instant(kernel.now),
    { running: load, room: limits.room },
  );
  const granted: Tables['polls'][] = [];
  for (const { attemptId, pollId } of matches) {
    const poll = polls.find(({ id }) => id === pollId)!;
    const row = ready.find(({ id }) => id === attemptId)!;
    const decision = wiring.grantLease(leaseOf(row), {
      runnerId: poll.runnerId,
      expiresAt: instant(kernel.now + LEASE_MS),
    });
    if (decision.kind !== 'accepted') continue;
    unit.put('attempts', { ...withLease(row, decision.lease), pollId });
    unit.put('polls', { ...poll, attemptId });
    granted.push(poll);
    yield store.statement();
  }
  return granted;
}

/** Never more of one runner than it has free slots (I26). */
function withFreeSlots(unit: Unit, polls: readonly Tables['polls'][]): Tables['polls'][] {
  const used = new Map<string, number>();
  for (const { status, runnerId } of unit.rows('attempts'))
    if (status === 'running' && runnerId !== null) used.set(runnerId, (used.get(runnerId) ?? 0) + 1);
  return polls.filter(({ runnerId }) => {
    const count = used.get(runnerId) ?? 0;
    used.set(runnerId, count + 1);
    return count < (unit.get('runners', runnerId)?.slots ?? 0);
  });
}

/** features/dispatch/poll-for-lease.ts; `gone` says whether somebody is still there to take the answer. */
export function* pollForLease(
  replica: Replica,
  runnerId: string,
  pollId: string,
  waitMs: number,
  gone: () => boolean,
): Task<HeldLease | null> {
  const { store, kernel } = replica.at;
  const runner = store.get('runners', runnerId)!;
  const answered = new Signal();
  replica.waiting.get(pollId)?.give();
  replica.waiting.set(pollId, answered);
  try {
    yield* replica.transaction(function* (unit) {
      yield* unit.lock('runners', runnerId);
      const before = yield* unit.lock('polls', pollId);
      unit.put('polls', {
        id: pollId,
        runnerId,
        poolId: runner.poolId,
        replicaId: replica.id,
        since: before?.since ?? kernel.now,
        expiresAt: kernel.now + POLL_MS,
        attemptId: before?.attemptId ?? null,
      });
      const others = unit
        .rows('polls')
        .filter((poll) => poll.runnerId === runnerId && poll.attemptId === null && poll.id !== pollId)
        .toSorted((a, b) => b.since - a.since);
      for (const { id } of others.slice(runner.slots - 1)) {
        const now = yield* unit.lock('polls', id);
        if (now && now.attemptId === null) unit.drop('polls', id);
      }
    });
    let lease = yield* leaseOfPoll(replica, runnerId, pollId);
    if (!lease && !gone()) {
      yield* dispatch(replica, runner.poolId);
      const deadline = kernel.now + waitMs;
      while (!answered.isGiven && kernel.now < deadline && !gone()) {
        if ((yield { signal: answered as Signal<unknown>, ms: Math.min(1_000, deadline - kernel.now) }) !== TIMED_OUT)
          break;
      }
      lease = yield* leaseOfPoll(replica, runnerId, pollId);
    }
    if (replica.waiting.get(pollId) !== answered) return null;
    lease ??= yield* withdraw(replica, runnerId, pollId);
    if (lease && gone()) {
      yield* giveBack(replica, lease.attemptId, lease);
      return null;
    }
    return lease;
  } finally {
    if (replica.waiting.get(pollId) === answered) replica.waiting.delete(pollId);
  }
}

function* leaseOfPoll(replica: Replica, runnerId: string, pollId: string): Task<HeldLease | null> {
  yield replica.at.store.statement();
  const poll = replica.at.store.get('polls', pollId);
  const row = poll?.attemptId ? replica.at.store.get('attempts', poll.attemptId) : undefined;
  if (!poll || poll.runnerId !== runnerId || !row) return null;
  if (row.status === 'running' && row.pollId === pollId && row.startedAt === null)
    return { attemptId: row.id, epoch: row.epoch, runnerId };
  yield* replica.transaction(function* (unit) {
    const now = yield* unit.lock('polls', pollId);
    if (now && now.attemptId === row.id) unit.put('polls', { ...now, attemptId: null });
  });
  return null;
}

/** The row goes unless a lease was written at the last moment. */
function* withdraw(replica: Replica, runnerId: string, pollId: string): Task<HeldLease | null> {
  const dropped = yield* replica.transaction(function* (unit) {
    const now = yield* unit.lock('polls', pollId);
    if (!now || now.attemptId !== null) return false;
    unit.drop('polls', pollId);
    return true;
  });
  return dropped ? null : yield* leaseOfPoll(replica, runnerId, pollId);
}
