import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { Audit } from './audit.ts';
import { ChainHead, SEAL_ACTION, type Start } from './chain-head.ts';
import { expectedHash } from './verify-chain.ts';

/** Removed together: each batch is an entry of its own, so small ones wait for more. */
const BATCH = 1_000;
const WAIT_MS = 7 * 86_400_000;

/** Entries were not removed, since they would prove something. */
export class AuditDamagedError extends Error {
  override readonly name = 'AuditDamagedError';
}

/**
 * Removes the oldest entries and seals where the chain begins since then: its rest can be checked as before. Nothing is
 * removed that was not checked first, or a sweep would wipe away what a forger left. Checking needs no lock: entries
 * never change, and of two who trim at once one finds the start moved and leaves all as it is.
 */
@Injectable()
export class TrimAudit {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #head: ChainHead;
  readonly #audit: Audit;
  constructor(db: Kysely<Tables>, transactions: Transactions, head: ChainHead, audit: Audit) {
    this.#db = db;
    this.#transactions = transactions;
    this.#head = head;
    this.#audit = audit;
  }

  /** One batch of entries written before a time; how many went. Throws AuditDamagedError. */
  async trim(before: Date): Promise<number> {
    const [read, began] = [await this.#head.read(this.#db), await this.#head.readStart(this.#db)];
    if (read.kind === 'none') return 0;
    if (read.kind === 'forged' || began.kind === 'forged')
      throw new AuditDamagedError('A seal of the audit chain does not fit the master key; no entry is removed.');
    const rows = await this.#db
      .selectFrom('audit_entries')
      .selectAll()
      .where('sequence', '>', began.start.sequence)
      .orderBy('sequence')
      .limit(BATCH)
      .execute();
    // The last entry stays, whatever its age: the chain has an end.
    const due = rows.filter((row) => row.at < before && row.hash !== read.head.hash);
    const [first] = due;
    if (!first || (due.length < BATCH && first.at.getTime() > before.getTime() - WAIT_MS)) return 0;
    const start = advance(began.start, due);
    return this.#transactions.run(async (unit) => {
      if (!(await this.#head.moveStart(unit.tx, began.start, start))) return 0;
      await unit.tx.deleteFrom('audit_entries').where('sequence', '<=', start.sequence).execute();
      await this.#audit.record(unit, {
        teamId: null,
        actor: { kind: 'system', name: 'retention' },
        action: 'audit.trim',
        subject: 'audit:chain',
        detail: { removed: due.length, to: start.removedTo, hash: start.hash },
      });
      return due.length;
    });
  }
}

function advance(start: Start, rows: readonly Parameters<typeof expectedHash>[1][]): Start {
  return rows.reduce((from, row) => {
    if (row.previous_hash !== from.hash || row.hash !== expectedHash(from.hash, row))
      throw new AuditDamagedError(
        `Entry ${row.sequence} of the audit chain was changed, or one before it was removed; no entry is removed.`,
      );
    return {
      entries: from.entries + 1,
      sequence: row.sequence,
      hash: row.hash,
      seals: from.seals + (row.action === SEAL_ACTION ? 1 : 0),
      removedTo: row.at.toISOString(),
    };
  }, start);
}
