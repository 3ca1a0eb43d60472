import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Actor } from '@sluice/engine';
import { json } from '../../platform/db/database.ts';
import type { Unit } from '../../platform/db/transactions.ts';
import { FIRST_HASH, hashEntry } from './hash-entry.ts';

export interface AuditRecord {
  /** null for things of the whole installation. */
  readonly teamId: string | null;
  readonly actor: Actor;
  /** `<thing>.<verb>`, e.g. `gate.approve`, `secret.set`. */
  readonly action: string;
  /** `<thing>:<id or name>`. */
  readonly subject: string;
  /** Never a secret value. */
  readonly detail: Record<string, unknown>;
}

/** Any number of our own; two servers must agree on it. */
const CHAIN_LOCK = 7_352_001;

/**
 * Writes who did what in the caller's transaction: the change and its entry exist together or not at all (I27).
 * The chain has one end, so the end is locked until the commit; record last in the transaction to hold it shortly.
 */
@Injectable()
export class Audit {
  async record(unit: Unit, record: AuditRecord): Promise<void> {
    await sql`select pg_advisory_xact_lock(${CHAIN_LOCK})`.execute(unit.tx);
    const { rows } = await sql<{ at: Date; hash: string | null }>`
      select date_trunc('milliseconds', clock_timestamp()) as at,
             (select hash from audit_entries order by sequence desc limit 1) as hash`.execute(unit.tx);
    const { at, hash } = rows[0]!;
    const previous = hash ?? FIRST_HASH;
    await unit.tx
      .insertInto('audit_entries')
      .values({
        at,
        team_id: record.teamId,
        actor: json(record.actor),
        action: record.action,
        subject: record.subject,
        detail: json(record.detail),
        previous_hash: previous,
        hash: hashEntry(previous, { ...record, detail: plain(record.detail), at: at.toISOString() }),
      })
      .execute();
  }
}

/** As it will be read back from the database. */
function plain(detail: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(detail)) as Record<string, unknown>;
}
