import type { DbOrTx } from '../../platform/db/database.ts';
import { FIRST_HASH, hashEntry } from './hash-entry.ts';

const PAGE = 1000;

export type ChainCheck =
  { readonly kind: 'intact'; readonly entries: number } | { readonly kind: 'broken'; readonly sequence: number };

/** Reads all entries in order. `broken` names the first entry that was changed, or that follows a removed one. */
export async function verifyChain(db: DbOrTx): Promise<ChainCheck> {
  let previous = FIRST_HASH;
  let after = 0;
  let entries = 0;
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
      if (row.previous_hash !== previous || row.hash !== expected) return { kind: 'broken', sequence: row.sequence };
      previous = row.hash;
      after = row.sequence;
    }
    entries += rows.length;
    if (rows.length < PAGE) return { kind: 'intact', entries };
  }
}
