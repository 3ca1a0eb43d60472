import { sql } from 'kysely';
import type { RetentionLimits } from '../../platform/config/config.ts';
import type { DbOrTx } from '../../platform/db/database.ts';
import type { TeamLimits } from '../../platform/db/schema.ts';

export const TEAM_LIMITS = ['runDays', 'runsMost', 'logDays', 'testDays', 'deploymentEventDays'] as const;

/** What a team keeps: for a shorter time than the installation does, never for a longer one. */
export function limitsOf(installation: RetentionLimits, team: Partial<TeamLimits> | null): TeamLimits {
  const least = (name: keyof TeamLimits) => Math.min(installation[name], team?.[name] ?? installation[name]);
  return {
    runDays: least('runDays'),
    runsMost: least('runsMost'),
    logDays: least('logDays'),
    testDays: least('testDays'),
    deploymentEventDays: least('deploymentEventDays'),
  };
}

export interface LimitsOfTeam {
  readonly teamId: string;
  readonly slug: string;
  readonly limits: TeamLimits;
}

export async function readTeamLimits(db: DbOrTx, installation: RetentionLimits): Promise<LimitsOfTeam[]> {
  const teams = await db.selectFrom('teams').select(['id', 'slug', 'retention']).orderBy('slug').execute();
  return teams.map(({ id, slug, retention }) => ({ teamId: id, slug, limits: limitsOf(installation, retention) }));
}

/** Rows of `kept (team_id, most)` to join with, so that one statement serves all teams; a number of runs for `runsMost`. */
export function keptOf(teams: readonly LimitsOfTeam[], limit: keyof TeamLimits) {
  return sql<{ team_id: string; most: number }>`
    unnest(${teams.map(({ teamId }) => teamId)}::uuid[], ${teams.map(({ limits }) => limits[limit])}::int[])
    as kept(team_id, most)`;
}
