import type { Lease, LeaseHolder, RunCommand } from '@sluice/engine';
import type { Task } from '../kernel/kernel.ts';
import { applyToRun } from './run-store.ts';
import { fromInstant, instant, Refused, type Replica, type Unit } from './replica.ts';
import type { AttemptRow } from './tables.ts';

export const LEASE_MS = 60_000;
export const RENEW_MS = 15_000;

/** For the checks: who says what about which lease. */
export interface LeaseCause {
  readonly kind: 'grant' | 'start' | 'renew' | 'return' | 'expire' | 'result' | 'log';
  readonly attemptId?: string;
  readonly holder?: LeaseHolder;
}

export function leaseOf({ status, epoch, runnerId, expiresAt, startedAt }: AttemptRow): Lease {
  return {
    status,
    epoch,
    runnerId,
    expiresAt: expiresAt === null ? null : instant(expiresAt),
    startedAt: startedAt === null ? null : instant(startedAt),
  };
}

export function withLease(row: AttemptRow, { status, epoch, runnerId, expiresAt, startedAt }: Lease): AttemptRow {
  return {
    ...row,
    status,
    epoch,
    runnerId,
    expiresAt: expiresAt === null ? null : fromInstant(expiresAt),
    startedAt: startedAt === null ? null : fromInstant(startedAt),
    ...(status === 'queued' && { pollId: null }),
  };
}

/** Its run first, as everywhere: one order for all means no deadlock. */
export function* lockAttempt(unit: Unit, attemptId: string): Task<AttemptRow | undefined> {
  const runId = unit.get('attempts', attemptId)?.runId;
  if (runId !== undefined) yield* unit.lock('runs', runId);
  return yield* unit.lock('attempts', attemptId);
}

export function* dropPollsOf(unit: Unit, attemptId: string): Task {
  for (const { id } of unit.rows('polls').filter((poll) => poll.attemptId === attemptId)) {
    yield* unit.lock('polls', id);
    if (unit.get('polls', id)?.attemptId === attemptId) unit.drop('polls', id);
  }
}

/** features/dispatch/end-attempt.ts: a run that has no use for the word must not leave a live row behind. */
export function* endAttempt(
  replica: Replica,
  unit: Unit,
  row: AttemptRow,
  ended: Omit<Extract<RunCommand, { type: 'attempt-ended' }>, 'type' | 'jobKey' | 'attemptId'>,
): Task {
  yield* dropPollsOf(unit, row.id);
  const { jobKey, id: attemptId } = row;
  const applied = yield* applyToRun(replica, unit, row.runId, { type: 'attempt-ended', jobKey, attemptId, ...ended });
  if (applied.kind === 'accepted') return;
  const now = unit.get('attempts', row.id);
  if (now?.status === 'queued' || now?.status === 'running')
    unit.put('attempts', { ...now, status: ended.outcome, finishedAt: replica.at.kernel.now });
}

/** features/dispatch/return-lease.ts */
export function* giveBack(replica: Replica, attemptId: string, holder: LeaseHolder): Task {
  yield* replica.transaction(
    function* (unit) {
      const row = yield* unit.lock('attempts', attemptId);
      if (!row) return;
      const decision = replica.at.wiring.returnLease(leaseOf(row), holder);
      if (decision.kind !== 'accepted') return;
      unit.put('attempts', withLease(row, decision.lease));
      yield* dropPollsOf(unit, attemptId);
      if (row.poolId) replica.send(unit, 'look-at-pool', { poolId: row.poolId });
    },
    { kind: 'return', attemptId, holder } satisfies LeaseCause,
  );
}

export function known(row: AttemptRow | undefined): AttemptRow {
  if (!row) throw new Refused('not-found');
  return row;
}
