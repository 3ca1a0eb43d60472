import { createHmac, hkdfSync } from 'node:crypto';
import type { DbOrTx } from '../../platform/db/database.ts';
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

  #seal({ entries, hash, sealedFrom, damage }: Head): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([entries, hash, sealedFrom, damage]))
      .digest('hex');
  }
}
