import { sql } from 'kysely';
import type { GroupMember } from '@sluice/engine';
import type { DbOrTx } from '../../platform/db/database.ts';

export interface TeamGroup {
  readonly team_id: string;
  readonly group_key: string;
}

export interface NamedMember extends GroupMember {
  /** `catalog #12` */
  readonly name: string;
}

/** Everybody in these groups who has runners' time or could have it: a run without a fitting pool keeps nobody waiting. */
export async function groupMembers(db: DbOrTx, groups: readonly TeamGroup[]): Promise<NamedMember[]> {
  if (groups.length === 0) return [];
  const { rows } = await sql<{
    id: string;
    team_id: string;
    key: string;
    max: number;
    created_at: Date;
    name: string;
    holds: boolean;
  }>`
    select runs.id, runs.team_id, runs.group_key as key, runs.group_max as max, runs.created_at,
      services.slug || ' #' || runs.number as name, jobs.holds
    from (select distinct team_id, group_key
      from unnest(${groups.map((one) => one.team_id)}::uuid[], ${groups.map((one) => one.group_key)}::text[])
        as named(team_id, group_key)) as wanted
    join runs on runs.team_id = wanted.team_id and runs.group_key = wanted.group_key
    join services on services.id = runs.service_id
    cross join lateral (
      select coalesce(bool_or(leased_at is not null), false) as holds,
        coalesce(bool_or(status = 'queued' and pool_id is not null), false) as waits
      from attempts where run_id = runs.id) as jobs
    where jobs.holds or jobs.waits`.execute(db);
  return rows.map(({ id, team_id: team, key, max, created_at: at, name, holds }) => ({
    runId: id,
    name,
    group: { key: `${team} ${key}`, max },
    createdAt: at.toISOString(),
    holds,
  }));
}
