import { sql } from 'kysely';
import type { Lease } from '@sluice/engine';
import type { Row } from '../../platform/db/schema.ts';
import type { Unit } from '../../platform/db/transactions.ts';

export type AttemptRow = Row<'attempts'>;

/** The part of an attempt's row that the engine's lease rules decide about. */
export function leaseOf(row: Pick<AttemptRow, 'status' | 'epoch' | 'runner_id' | 'expires_at' | 'started_at'>): Lease {
  return {
    status: row.status,
    epoch: row.epoch,
    runnerId: row.runner_id,
    expiresAt: row.expires_at?.toISOString() ?? null,
    startedAt: row.started_at?.toISOString() ?? null,
  };
}

/** Writes what a lease rule decided; a queued attempt belongs to no poll. */
export async function writeLease(
  unit: Unit,
  attemptId: string,
  lease: Lease,
  { andDropPolls = false } = {},
): Promise<void> {
  await unit.tx
    .with('answered', (query) => query.deleteFrom('polls').where('attempt_id', '=', andDropPolls ? attemptId : null))
    .updateTable('attempts')
    .set({
      status: lease.status,
      epoch: lease.epoch,
      runner_id: lease.runnerId,
      expires_at: lease.expiresAt,
      started_at: lease.startedAt,
      ...(lease.status === 'queued' ? { poll_id: null, leased_at: null } : {}),
    })
    .where('id', '=', attemptId)
    .execute();
}

export interface LockedAttempt {
  readonly row: AttemptRow;
  /** The database's clock, as the row is compared with it. */
  readonly now: Date;
}

export interface LockedWithRun extends LockedAttempt {
  /** Of the run, under its lock. */
  readonly runVersion: number;
}

/**
 * Locks an attempt, its run first: RunStore locks runs before attempts, and one order for all means no deadlock.
 * undefined = there is no such attempt.
 */
export async function lockAttempt(unit: Unit, attemptId: string): Promise<LockedWithRun | undefined> {
  const { rows } = await sql<{ version: number }>`
    select version from runs where id = (select run_id from attempts where id = ${attemptId}) for update`.execute(
    unit.tx,
  );
  const locked = rows[0] && (await lockAttemptOnly(unit, attemptId));
  return locked && { ...locked, runVersion: rows[0]!.version };
}

/** Without the run: enough where nothing of the run changes. */
export async function lockAttemptOnly(unit: Unit, attemptId: string): Promise<LockedAttempt | undefined> {
  const found = await unit.tx
    .selectFrom('attempts')
    .selectAll()
    .select(sql<Date>`clock_timestamp()`.as('read_at'))
    .where('id', '=', attemptId)
    .forUpdate()
    .executeTakeFirst();
  if (!found) return undefined;
  const { read_at: now, ...row } = found;
  return { row, now };
}

export function secondsAfter(now: Date, seconds: number): string {
  return new Date(now.getTime() + seconds * 1_000).toISOString();
}
