import type { Kysely } from 'kysely';
import type { DbOrTx } from '../../platform/db/database.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { SEAL_ACTION, type ChainHead, type Start } from './chain-head.ts';
import { FIRST_HASH, hashEntry } from './hash-entry.ts';
import type { Row } from '../../platform/db/schema.ts';

const PAGE = 1000;

/** What the rows alone say. `broken` names the first entry that was changed, or that follows a removed one. */
export type LinkCheck =
  | { readonly kind: 'intact'; readonly entries: number; readonly hash: string; readonly seals: readonly number[] }
  | { readonly kind: 'broken'; readonly entries: number; readonly sequence: number };

/** The hash that an entry must have where it stands. */
export function expectedHash(previous: string, row: Row<'audit_entries'>): string {
  return hashEntry(previous, {
    at: row.at.toISOString(),
    teamId: row.team_id,
    actor: row.actor,
    action: row.action,
    subject: row.subject,
    detail: row.detail,
  });
}

/** Reads all entries in order, from where the chain begins. A cut-off tail does not show here: see `verifyChain`. */
export async function verifyLinks(
  db: DbOrTx,
  start: Pick<Start, 'entries' | 'sequence' | 'hash'> = { entries: 0, sequence: 0, hash: FIRST_HASH },
): Promise<LinkCheck> {
  let previous = start.hash;
  let after = start.sequence;
  let entries = start.entries;
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
      if (row.previous_hash !== previous || row.hash !== expectedHash(previous, row))
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
  /** Entries that retention removed from the beginning of the chain, and the last of them; absent when none were. */
  readonly removed?: { readonly entries: number; readonly to: string };
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
      const began = await chainHead.readStart(tx);
      const start = began.kind === 'sealed' ? began.start : undefined;
      const links = await verifyLinks(tx, start);
      const head = read.kind === 'none' ? (links.kind === 'intact' ? links.hash : FIRST_HASH) : read.head.hash;
      const found = (kind: ChainCheck['kind'], message: string): ChainCheck => ({
        kind,
        entries: links.entries,
        message,
        head,
        ...(start && start.entries > 0 ? { removed: { entries: start.entries, to: start.removedTo } } : {}),
      });
      if (!start) return found('forged', 'The seal of where the chain begins does not fit the master key.');
      if (links.kind === 'broken')
        return found('broken', `Entry ${links.sequence} was changed, or an entry before it was removed.`);
      // Entries below the start are there only if somebody put them there, or kept them from a sweep.
      const below = await tx
        .selectFrom('audit_entries')
        .select('sequence')
        .where('sequence', '<=', start.sequence)
        .limit(1)
        .executeTakeFirst();
      if (below) return found('broken', `Entry ${below.sequence} is older than the chain begins.`);
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
      const again = links.seals[start.seals > 0 ? 0 : 1];
      if (again !== undefined)
        return found('forged', `The seal of the chain was removed once: entry ${again} put it back.`);
      const since = read.head.sealedFrom;
      const kept = links.entries - start.entries;
      const there =
        start.entries === 0
          ? `All ${kept} entries are there, as they were written`
          : `All ${kept} entries since ${start.removedTo} are there, as they were written; the ${start.entries} before were checked and removed by retention`;
      return found(
        'intact',
        since <= start.entries ? `${there}.` : `${there}; the seal covers the end of the chain since entry ${since}.`,
      );
    });
}
