import { createHmac, hkdfSync } from 'node:crypto';
import type { DbOrTx } from '../../platform/db/database.ts';
import { FIRST_HASH } from './hash-entry.ts';
import { sameText } from '../../platform/http/bearer-tokens.ts';

/** Where the chain of entries ends. Sealed by the master key, so that whoever can only write the database cannot move it. */
export interface Head {
  readonly entries: number;
  readonly hash: string;
  /** Entries that were there before the first seal. */
  readonly sealedFrom: number;
  /** What was wrong when an entry was to be added; stays for ever. */
  readonly damage: string | null;
}

export type ReadHead =
  | { readonly kind: 'sealed'; readonly head: Head }
  | { readonly kind: 'forged'; readonly head: Head }
  | { readonly kind: 'none' };

/** Where the chain begins since its oldest entries were removed; see TrimAudit. */
export interface Start {
  readonly entries: number;
  readonly sequence: number;
  readonly hash: string;
  readonly seals: number;
  /** ISO 8601. */
  readonly removedTo: string;
}

export type ReadStart = { readonly kind: 'sealed'; readonly start: Start } | { readonly kind: 'forged' };

/** Of a chain of which nothing was removed. */
const WHOLE: Start = { entries: 0, sequence: 0, hash: FIRST_HASH, seals: 0, removedTo: '' };

/** The entry with which a chain gets its seal. */
export const SEAL_ACTION = 'audit.seal';

export class ChainHead {
  readonly #key: Buffer;
  constructor(masterKey: Buffer) {
    this.#key = Buffer.from(hkdfSync('sha256', masterKey, '', 'sluice audit chain', 32));
  }

  async read(db: DbOrTx): Promise<ReadHead> {
    const row = await db.selectFrom('audit_head').selectAll().executeTakeFirst();
    if (!row) return { kind: 'none' };
    const head: Head = { entries: row.entries, hash: row.hash, sealedFrom: row.sealed_from, damage: row.damage };
    return { kind: sameText(row.seal, this.#seal(head)) ? 'sealed' : 'forged', head };
  }

  async write(db: DbOrTx, head: Head): Promise<void> {
    const { entries, hash, sealedFrom: sealed_from, damage } = head;
    const values = { entries, hash, sealed_from, damage, seal: this.#seal(head) };
    await db
      .insertInto('audit_head')
      .values(values)
      .onConflict((clash) => clash.column('only_row').doUpdateSet(values))
      .execute();
  }

  async readStart(db: DbOrTx): Promise<ReadStart> {
    const row = await db.selectFrom('audit_start').selectAll().executeTakeFirst();
    if (!row) return { kind: 'sealed', start: WHOLE };
    const { entries, sequence, hash, seals, removed_to: removedTo } = row;
    const start: Start = { entries, sequence, hash, seals, removedTo: removedTo.toISOString() };
    return sameText(row.seal, this.#sealStart(start)) ? { kind: 'sealed', start } : { kind: 'forged' };
  }

  /** False when somebody else has moved the start meanwhile. */
  async moveStart(db: DbOrTx, from: Start, to: Start): Promise<boolean> {
    const { entries, sequence, hash, seals, removedTo: removed_to } = to;
    const values = { entries, sequence, hash, seals, removed_to, seal: this.#sealStart(to) };
    const moved = await db
      .insertInto('audit_start')
      .values(values)
      .onConflict((clash) =>
        clash.column('only_row').doUpdateSet(values).where('audit_start.sequence', '=', from.sequence),
      )
      .returning('sequence')
      .executeTakeFirst();
    return moved !== undefined;
  }

  #sealStart({ entries, sequence, hash, seals, removedTo }: Start): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify(['start', entries, sequence, hash, seals, removedTo]))
      .digest('hex');
  }

  #seal({ entries, hash, sealedFrom, damage }: Head): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([entries, hash, sealedFrom, damage]))
      .digest('hex');
  }
}
