import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { visiblePools } from './pools.ts';
import { ONLINE_SECONDS } from './runners.ts';

export interface PoolLoad {
  readonly pool: string;
  /** Ready attempts that no runner has taken. */
  readonly queued: number;
  readonly running: number;
  /** Of runners that are connected and take work. */
  readonly slots: number;
  readonly runners: number;
  /** Slots with which nothing would wait. */
  readonly wanted: number;
}

/** How much each pool has to do and to do it with: what an autoscaler decides by. Counts only, of all teams of a shared pool. */
@Injectable()
export class PoolLoads {
  readonly #db: Kysely<Tables>;
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async visible(by: UserPrincipal): Promise<PoolLoad[]> {
    const pools = await visiblePools(this.#db, by).select('pools.id').execute();
    return this.#of(pools.map(({ id }) => id));
  }

  all(): Promise<PoolLoad[]> {
    return this.#of(null);
  }

  /** null = every pool. */
  async #of(ids: readonly string[] | null): Promise<PoolLoad[]> {
    const { rows } = await sql<Omit<PoolLoad, 'wanted'>>`
      select pools.name as pool, coalesce(work.queued, 0)::int as queued, coalesce(work.running, 0)::int as running,
        coalesce(fleet.slots, 0)::int as slots, coalesce(fleet.runners, 0)::int as runners
      from pools
      left join (select pool_id, count(*) filter (where status = 'queued') as queued, count(*) filter (where status = 'running') as running
        from attempts where status in ('queued', 'running') group by pool_id) as work on work.pool_id = pools.id
      left join (select pool_id, sum(slots) as slots, count(*) as runners from runners
        where removed_at is null and not draining and last_seen_at > now() - ${ONLINE_SECONDS} * interval '1 second'
        group by pool_id) as fleet on fleet.pool_id = pools.id
      where ${ids === null} or pools.id = any(${ids ?? []}::uuid[]) order by pools.name`.execute(this.#db);
    return rows.map((row) => ({ ...row, wanted: row.queued + row.running }));
  }
}
