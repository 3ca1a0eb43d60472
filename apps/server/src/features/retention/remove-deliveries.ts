import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { behind, type Batch, type Place } from './batches.ts';

const MOST = 500;

/**
 * Removes old deliveries that were dealt with. Who pushed stays known to gates (`commit_hands`). The delivery that a branch stands
 * at stays, or the same push sent again would count as a new one; and so does the newest of a hook, which shows that it works.
 */
@Injectable()
export class RemoveDeliveries {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  constructor(db: Kysely<Tables>, transactions: Transactions) {
    this.#db = db;
    this.#transactions = transactions;
  }

  async removeBatch(days: number, after: Place): Promise<Batch> {
    const { rows } = await sql<{ id: string; at: string; due: boolean }>`
      select id, received_at::text as at,
        not exists (
          select from branch_heads where branch_heads.repository_id = old.repository_id and branch_heads.ref = old.ref
            and branch_heads.commit = old.payload ->> 'after')
        and exists (
          select from deliveries as newer where newer.hook_id = old.hook_id and newer.received_at > old.received_at) as due
      from deliveries as old
      where status <> 'received' and received_at < now() - ${days} * interval '1 day'
        and (received_at, id) > (${after.at}::timestamptz, ${after.id}::uuid)
      order by received_at, id limit ${MOST}`.execute(this.#db);
    const due = rows.filter((row) => row.due).map(({ id }) => id);
    return { removed: due.length === 0 ? 0 : await this.#remove(due), next: behind(rows, MOST) };
  }

  async #remove(ids: readonly string[]): Promise<number> {
    return this.#transactions.run(async ({ tx }) => {
      const { rows } = await sql<{ id: string }>`
        select id from deliveries where id = any(${ids}::uuid[]) and status <> 'received' order by id
        for update skip locked`.execute(tx);
      const gone = rows.map(({ id }) => id);
      // The same rule by which a gate reads deliveries: a new branch at a commit that was there before is no hand in it.
      await sql`
        insert into commit_hands (repository_id, commit, part, identity)
        select distinct repository_id, payload ->> 'after', 'pushed', coalesce(payload ->> 'pusher', 'anonymous')
        from deliveries as push
        where id = any(${gone}::uuid[]) and payload ->> 'after' is not null and (
          payload ->> 'before' is not null or not (
            exists (
              select from deliveries as earlier
              where earlier.repository_id = push.repository_id
                and earlier.payload ->> 'after' = push.payload ->> 'after' and earlier.id < push.id)
            or exists (
              select from commit_hands as known
              where known.repository_id = push.repository_id and known.service_id is null
                and known.commit = push.payload ->> 'after')))
        on conflict do nothing`.execute(tx);
      await sql`delete from deliveries where id = any(${gone}::uuid[])`.execute(tx);
      return gone.length;
    });
  }
}
