import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { behind, type Batch, type Place } from './batches.ts';
import { isHeld } from './kept-runs.ts';
import { keptOf, type LimitsOfTeam } from './team-limits.ts';

const MOST = 200;

/**
 * Removes the bytes of old logs; length, SHA-256 and the time of removal stay on the attempt. The segments' objects are named in
 * `log_puts` in the transaction that drops their rows, and removed after it: a crash leaves nothing without a name.
 */
@Injectable()
export class RemoveLogs {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  constructor(db: Kysely<Tables>, transactions: Transactions) {
    this.#db = db;
    this.#transactions = transactions;
  }

  async removeBatch(teams: readonly LimitsOfTeam[], after: Place): Promise<Batch> {
    const { rows } = await sql<{ id: string; at: string; days: number; held: boolean }>`
      select old.id, old.at::text as at, kept.most as days, ${isHeld('runs')} as held
      from ${keptOf(teams, 'logDays')}
      cross join lateral (
        select id, run_id, log_sealed_at as at from attempts
        where attempts.team_id = kept.team_id and log_sealed_at is not null and log_removed_at is null
          and log_sealed_at < now() - kept.most * interval '1 day' and (log_sealed_at, id) > (${after.at}::timestamptz, ${after.id}::uuid)
        order by log_sealed_at, id limit ${MOST}) as old
      join runs on runs.id = old.run_id
      order by old.at, old.id limit ${MOST}`.execute(this.#db);
    const due = rows.filter((row) => !row.held);
    if (due.length > 0) await this.#remove(due);
    return { removed: due.length, next: behind(rows, MOST) };
  }

  async #remove(due: readonly { id: string; days: number }[]): Promise<void> {
    await this.#transactions.run(async ({ tx }) => {
      const { rows } = await sql<{ id: string }>`
        update attempts set log_removed_at = now(), log_kept_days = due.days
        from unnest(${due.map(({ id }) => id)}::uuid[], ${due.map(({ days }) => days)}::int[]) as due(id, days)
        where attempts.id = due.id and log_removed_at is null returning attempts.id`.execute(tx);
      const ids = rows.map(({ id }) => id);
      await sql`
        with gone as (delete from log_segments where attempt_id = any(${ids}::uuid[]) returning blob_key)
        insert into log_puts (blob_key, abandoned_at) select blob_key, now() from gone`.execute(tx);
      await sql`delete from log_chunks where attempt_id = any(${ids}::uuid[])`.execute(tx);
      await failpoint('remove-logs:before-commit');
    });
    await failpoint('remove-logs:after-commit');
  }
}
