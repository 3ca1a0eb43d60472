import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Actor } from '@sluice/engine';
import { json } from '../../platform/db/database.ts';
import type { Unit } from '../../platform/db/transactions.ts';
import { ChainHead, SEAL_ACTION, type Head, type ReadHead } from './chain-head.ts';
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
  readonly #head: ChainHead;
  constructor(head: ChainHead) {
    this.#head = head;
  }

  async record(unit: Unit, record: AuditRecord): Promise<void> {
    await sql`select pg_advisory_xact_lock(${CHAIN_LOCK})`.execute(unit.tx);
    const read = await this.#head.read(unit.tx);
    let head = read.kind === 'sealed' ? read.head : await this.#unbelieved(unit, read);
    // Exactly one entry says so in every chain: a seal that was removed comes back as a second one.
    if (read.kind === 'none') head = await this.#append(unit, head, sealing(head.entries));
    await this.#head.write(unit.tx, await this.#append(unit, head, record));
  }

  /** The entry follows the head; where rows were cut off or changed, they do not lead to it, and the break stays visible. */
  async #append(unit: Unit, head: Head, record: AuditRecord): Promise<Head> {
    const { rows } = await sql<{ at: Date }>`select date_trunc('milliseconds', clock_timestamp()) as at`.execute(
      unit.tx,
    );
    const { at } = rows[0]!;
    const hash = hashEntry(head.hash, { ...record, detail: plain(record.detail), at: at.toISOString() });
    await unit.tx
      .insertInto('audit_entries')
      .values({
        at,
        team_id: record.teamId,
        actor: json(record.actor),
        action: record.action,
        subject: record.subject,
        detail: json(record.detail),
        previous_hash: head.hash,
        hash,
      })
      .execute();
    return { ...head, entries: head.entries + 1, hash };
  }

  /**
   * Goes on from the rows, since refusing would stop the whole server: after a version that kept no seal, or after
   * somebody removed or changed it; a changed one is marked for ever.
   */
  async #unbelieved(unit: Unit, read: Exclude<ReadHead, { kind: 'sealed' }>): Promise<Head> {
    const { rows } = await sql<{ entries: number; hash: string | null }>`
      select (select count(*) from audit_entries) + coalesce((select entries from audit_start), 0) as entries,
             coalesce((select hash from audit_entries order by sequence desc limit 1), (select hash from audit_start)) as hash`.execute(
      unit.tx,
    );
    const { entries, hash } = rows[0]!;
    const damage = read.kind === 'forged' ? `The seal of the chain was changed after ${entries} entries.` : null;
    return { entries, hash: hash ?? FIRST_HASH, sealedFrom: entries, damage };
  }
}

function sealing(entries: number): AuditRecord {
  const actor = { kind: 'system', name: 'sluice' } as const;
  return { teamId: null, actor, action: SEAL_ACTION, subject: 'audit:chain', detail: { entries } };
}

/** As it will be read back from the database. */
function plain(detail: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(detail)) as Record<string, unknown>;
}
