import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { groupStandings, LIFT_AFTER_MS, type QueuedAttempt } from '@sluice/engine';
import type { Row, Tables } from '../../platform/db/schema.ts';
import { groupMembers, type TeamGroup } from './group-members.ts';
import { showCause, type ShownCause } from './show-cause.ts';

export type Queued = Pick<
  Row<'attempts'>,
  'id' | 'team_id' | 'service_id' | 'run_id' | 'pool_id' | 'trust' | 'labels' | 'needs_host' | 'queued_at' | 'group_key'
>;

interface PoolNow {
  readonly name: string;
  readonly runnersOnline: number;
  readonly withoutHost: number;
  readonly unfit: NonNullable<NonNullable<QueuedAttempt['pool']>['unfit']>;
  readonly freeSlots: number;
}

/** Why ready attempts have no runner yet, from pools, limits and groups as they are now. */
@Injectable()
export class ExplainQueue {
  readonly #db: Kysely<Tables>;
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** By the attempt's id. */
  async explain(attempts: readonly Queued[]): Promise<ReadonlyMap<string, ShownCause>> {
    if (attempts.length === 0) return new Map();
    const [pools, ahead, groups, limits, shares] = await Promise.all([
      this.#pools(attempts),
      this.#ahead(attempts),
      this.#groups(attempts),
      this.#limits(attempts),
      this.#shares(attempts),
    ]);
    const causes = new Map<string, ShownCause>();
    for (const attempt of attempts) {
      const pool = attempt.pool_id === null ? undefined : pools.get(poolKey(attempt));
      const group = groups.get(attempt.run_id);
      const share = attempt.pool_id === null ? undefined : shares(attempt.pool_id, attempt.team_id);
      const cause = showCause({
        kind: 'attempt',
        requirement: { teamId: attempt.team_id, trust: attempt.trust, labels: attempt.labels },
        host: attempt.needs_host,
        readyAt: attempt.queued_at.toISOString(),
        ...(pool && { pool: { ...pool, ahead: ahead.get(attempt.id) ?? 0 } }),
        ...(group && { group }),
        limits: [...(limits.get(attempt.service_id) ?? []), ...(limits.get(attempt.team_id) ?? [])],
        ...(share && { share }),
      });
      if (cause) causes.set(attempt.id, cause);
    }
    return causes;
  }

  async #pools(attempts: readonly Queued[]): Promise<ReadonlyMap<string, PoolNow>> {
    const asked = [...new Map(attempts.map((attempt) => [poolKey(attempt), attempt])).values()];
    const { rows } = await sql<PoolNow & { pool_id: string; needs_host: boolean }>`
      select pools.id as pool_id, needs_host, pools.name,
        count(runners.id) filter (where not draining and (offers_host or not needs_host))::int as "runnersOnline",
        count(runners.id) filter (where not draining and needs_host and not offers_host)::int as "withoutHost",
        coalesce(jsonb_agg(jsonb_build_object('name', runners.name, 'trouble', trouble) order by runners.name)
          filter (where draining and (offers_host or not needs_host)), '[]') as unfit,
        coalesce(sum(greatest(0, runners.slots - held.count)) filter (where not draining and (offers_host or not needs_host)), 0)::int as "freeSlots"
      from unnest(${asked.map((one) => one.pool_id)}::uuid[], ${asked.map((one) => one.needs_host)}::boolean[]) as asked(pool_id, needs_host)
      join pools on pools.id = asked.pool_id
      left join runners on runners.pool_id = pools.id and removed_at is null
        and last_seen_at > now() - interval '90 seconds'
      left join lateral (
        select count(*)::int as count from attempts where runner_id = runners.id and status = 'running') as held on true
      group by pools.id, needs_host`.execute(this.#db);
    return new Map(rows.map(({ pool_id, needs_host, ...pool }) => [poolKey({ pool_id, needs_host }), pool]));
  }

  /** Of the same team, in the same pool, served before: by priority with what waiting adds to it, then by age. */
  async #ahead(attempts: readonly Queued[]): Promise<ReadonlyMap<string, number>> {
    const { rows } = await sql<{ id: string; ahead: number }>`
      with queued as (
        select id, pool_id, team_id, queued_at,
          priority + floor(extract(epoch from now() - queued_at) * 1000 / ${LIFT_AFTER_MS}) as rank
        from attempts where status = 'queued' and pool_id = any(${attempts.flatMap(({ pool_id: pool }) => pool ?? [])}::uuid[])),
      placed as (
        select id, rank() over (partition by pool_id, team_id order by rank desc, queued_at, id) - 1 as ahead from queued)
      select id, ahead::int from placed where id = any(${attempts.map(({ id }) => id)}::uuid[])`.execute(this.#db);
    return new Map(rows.map(({ id, ahead }) => [id, ahead]));
  }

  /** Of runs that their groups do not let begin. */
  async #groups(attempts: readonly Queued[]): Promise<ReadonlyMap<string, NonNullable<QueuedAttempt['group']>>> {
    const wanted = attempts.flatMap(({ team_id: team, group_key: key }): TeamGroup[] =>
      key === null ? [] : [{ team_id: team, group_key: key }],
    );
    const members = await groupMembers(this.#db, wanted);
    const names = new Map(members.map(({ runId, name }) => [runId, name]));
    const nameOf = (runId: string) => names.get(runId) ?? runId;
    const held = new Map<string, NonNullable<QueuedAttempt['group']>>();
    for (const [runId, { admitted, holders, before }] of groupStandings(members)) {
      const group = members.find((member) => member.runId === runId)?.group;
      if (admitted || !group) continue;
      const name = group.key.split(' group:')[1];
      held.set(runId, {
        ...(name === undefined ? {} : { name }),
        max: group.max,
        holders: holders.map(nameOf),
        before: before.map(nameOf),
      });
    }
    return held;
  }

  /** Those that are reached, by the id of the team or service. */
  async #limits(attempts: readonly Queued[]): Promise<ReadonlyMap<string, NonNullable<QueuedAttempt['limits']>>> {
    const { rows } = await sql<{ id: string; of: 'service' | 'team'; name: string; max: number }>`
      select id, 'service' as "of", slug as name, max_running as max from services
      where id = any(${attempts.map((one) => one.service_id)}::uuid[])
        and max_running <= (select count(*) from attempts where team_id = services.team_id and service_id = services.id and status = 'running')
      union all
      select id, 'team', slug, max_running from teams
      where id = any(${attempts.map((one) => one.team_id)}::uuid[])
        and max_running <= (select count(*) from attempts where team_id = teams.id and status = 'running')`.execute(
      this.#db,
    );
    return new Map(rows.map(({ id, ...limit }) => [id, [limit]]));
  }

  async #shares(attempts: readonly Queued[]) {
    const { rows } = await sql<{ pool_id: string; team_id: string; running: number }>`
      select waiting.pool_id, waiting.team_id, coalesce(held.running, 0) as running
      from (select distinct pool_id, team_id from attempts where status = 'queued'
        and pool_id = any(${attempts.flatMap(({ pool_id: pool }) => pool ?? [])}::uuid[])) as waiting
      left join (select team_id, count(*)::int as running from attempts where status = 'running' group by team_id) as held
        using (team_id)`.execute(this.#db);
    return (pool: string, team: string): NonNullable<QueuedAttempt['share']> => {
      const here = rows.filter((row) => row.pool_id === pool);
      const others = here.filter((row) => row.team_id !== team).map(({ running }) => running);
      return {
        own: here.find((row) => row.team_id === team)?.running ?? 0,
        ...(others.length > 0 && { fewest: Math.min(...others) }),
      };
    };
  }
}

/** Which runners count depends on what the job needs. */
function poolKey({ pool_id: pool, needs_host: host }: Pick<Queued, 'pool_id' | 'needs_host'>): string {
  return `${pool} ${host}`;
}
