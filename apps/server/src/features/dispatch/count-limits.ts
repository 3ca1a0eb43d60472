import { sql } from 'kysely';
import { groupStandings } from '@sluice/engine';
import type { Unit } from '../../platform/db/transactions.ts';
import { groupMembers, type TeamGroup } from '../runs/index.ts';

/** What limits leave of the attempts that are ready in a pool. */
export interface Limits {
  /** The teams that were counted, and so the only ones that may be given anything; undefined = nothing is limited. */
  readonly teams: readonly string[] | undefined;
  /** How many more may run, by the limit's name; teams and services without one are absent. */
  readonly room: ReadonlyMap<string, number>;
  /** Runs of groups that may have leases. */
  readonly admitted: readonly string[];
}

export const NO_LIMITS: Limits = { teams: undefined, room: new Map(), admitted: [] };

export function limitsOf({ team_id: team, service_id: service }: { team_id: string; service_id: string }): string[] {
  return [`team:${team}`, `service:${service}`];
}

/** Ids of the teams or services that a limit leaves no room. */
export function fullOnes({ room }: Limits, kind: 'team' | 'service'): string[] {
  return [...room].flatMap(([name, left]) =>
    left <= 0 && name.startsWith(`${kind}:`) ? name.slice(kind.length + 1) : [],
  );
}

/**
 * Counts the limits of the teams that have ready attempts in a pool (I26). Nobody else counts or grants for any of these
 * teams, in whatever pool, until the caller's transaction ends; the locks are taken in one order by all.
 */
export async function countLimits(unit: Unit, poolId: string): Promise<Limits> {
  const teams = await teamsWithReady(unit, poolId);
  if (teams.length === 0) return { ...NO_LIMITS, teams };
  await sql`
    select pg_advisory_xact_lock(hashtextextended('limits:' || team, 0))
    from (select team from unnest(${teams}::text[]) as team order by team) as sorted`.execute(unit.tx);
  const { rows: room } = await sql<{ name: string; left: number }>`
    select 'team:' || id as name, max_running - (
      select count(*) from attempts where team_id = teams.id and status = 'running')::int as left
    from teams where id = any(${teams}::uuid[]) and max_running is not null
    union all
    select 'service:' || id, max_running - (
      select count(*) from attempts where team_id = services.team_id and service_id = services.id and status = 'running')::int
    from services where team_id = any(${teams}::uuid[]) and max_running is not null`.execute(unit.tx);
  const standings = groupStandings(await groupMembers(unit.tx, await waitingGroups(unit, poolId)));
  return {
    teams,
    room: new Map(room.map(({ name, left }) => [name, left])),
    admitted: [...standings].flatMap(([runId, { admitted }]) => (admitted ? [runId] : [])),
  };
}

async function teamsWithReady(unit: Unit, poolId: string): Promise<string[]> {
  const { rows } = await sql<{ team_id: string }>`
    with recursive teams as (
      (select team_id from attempts where pool_id = ${poolId} and status = 'queued' order by team_id limit 1)
      union all
      select (select next.team_id from attempts as next where next.pool_id = ${poolId} and next.status = 'queued'
              and next.team_id > teams.team_id order by next.team_id limit 1)
      from teams where teams.team_id is not null)
    select team_id from teams where team_id is not null`.execute(unit.tx);
  return rows.map(({ team_id: team }) => team);
}

async function waitingGroups(unit: Unit, poolId: string): Promise<TeamGroup[]> {
  const { rows } = await sql<TeamGroup>`
    select distinct team_id, group_key from attempts
    where pool_id = ${poolId} and status = 'queued' and group_key is not null`.execute(unit.tx);
  return rows;
}
