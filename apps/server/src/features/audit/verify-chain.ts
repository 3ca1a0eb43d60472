import type { Kysely } from 'kysely';
import type { DbOrTx } from '../../platform/db/database.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { SEAL_ACTION, type ChainHead } from './chain-head.ts';
import { FIRST_HASH, hashEntry } from './hash-entry.ts';

const PAGE = 1000;

/** What the rows alone say. `broken` names the first entry that was changed, or that follows a removed one. */
export type LinkCheck =
  | { readonly kind: 'intact'; readonly entries: number; readonly hash: string; readonly seals: readonly number[] }
  | { readonly kind: 'broken'; readonly entries: number; readonly sequence: number };

/** Reads all entries in order. A cut-off tail does not show here: see `verifyChain`. */
export async function verifyLinks(db: DbOrTx): Promise<LinkCheck> {
  let previous = FIRST_HASH;
  let after = 0;
  let entries = 0;
  const seals: number[] = [];
  for (;;) {
    const rows = await db
      .selectFrom('audit_entries')
      .selectAll()
      .where('sequence', '>', after)
      .orderBy('sequence')
      .limit(PAGE)
      .execute();
    for (const row of rows) {
      const expected = hashEntry(previous, {
        at: row.at.toISOString(),
        teamId: row.team_id,
        actor: row.actor,
        action: row.action,
        subject: row.subject,
        detail: row.detail,
      });
      if (row.previous_hash !== previous || row.hash !== expected)
        return { kind: 'broken', entries, sequence: row.sequence };
      previous = row.hash;
      after = row.sequence;
      entries += 1;
      if (row.action === SEAL_ACTION) seals.push(row.sequence);
    }
    if (rows.length < PAGE) return { kind: 'intact', entries, hash: previous, seals };
  }
}

export interface ChainCheck {
  readonly kind: 'intact' | 'broken' | 'cut' | 'forged' | 'unsealed';
  readonly entries: number;
  readonly message: string;
  /** Last hash that the rows lead to; for `broken` and `forged` that of the head as it is stored. */
  readonly head: string;
}

/** Rows against each other and against the sealed head, at one moment: entries written meanwhile do not confuse it. */
export async function verifyChain(db: Kysely<Tables>, chainHead: ChainHead): Promise<ChainCheck> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (tx) => {
      const read = await chainHead.read(tx);
      const links = await verifyLinks(tx);
      const head = read.kind === 'none' ? (links.kind === 'intact' ? links.hash : FIRST_HASH) : read.head.hash;
      const found = (kind: ChainCheck['kind'], message: string): ChainCheck => ({
        kind,
        entries: links.entries,
        message,
        head,
      });
      if (links.kind === 'broken')
        return found('broken', `Entry ${links.sequence} was changed, or an entry before it was removed.`);
      if (read.kind === 'none' && links.entries === 0) return found('intact', 'No entry was written yet.');
      if (read.kind === 'none')
        return found('unsealed', 'The seal of the chain is missing, so its end proves nothing.');
      if (read.kind === 'forged') return found('forged', 'The seal of the chain does not fit the master key.');
      if (read.head.damage !== null) return found('forged', read.head.damage);
      if (read.head.entries !== links.entries || read.head.hash !== links.hash)
        return found(
          'cut',
          `The chain ends after ${links.entries} entries; ${read.head.entries} were written. Its last ones were cut off.`,
        );
      const [, again] = links.seals;
      if (again !== undefined)
        return found('forged', `The seal of the chain was removed once: entry ${again} put it back.`);
      const since = read.head.sealedFrom;
      return found(
        'intact',
        since === 0
          ? `All ${links.entries} entries are there, as they were written.`
          : `All ${links.entries} entries are there, as they were written; the seal covers the end of the chain since entry ${since}.`,
      );
    });
}
