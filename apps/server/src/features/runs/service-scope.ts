import type { Db } from '../../platform/db/database.ts';
import { visibleTeams, type UserPrincipal } from '../../platform/http/principal.ts';
import { notFound, notFoundOrRemoved } from '../../platform/http/problem.ts';

export interface ServiceScope {
  readonly id: string;
  readonly slug: string;
  readonly teamId: string;
  readonly team: string;
  readonly repositoryId: string;
  readonly path: string;
}

/** The one way to reach a service by name: through the teams the person belongs to. */
export async function serviceInScope(db: Db, person: UserPrincipal, slug: string): Promise<ServiceScope> {
  const row = await db
    .selectFrom('services')
    .innerJoin('teams', 'teams.id', 'services.team_id')
    .select([
      'services.id',
      'services.slug',
      'services.team_id',
      'teams.slug as team',
      'services.repository_id',
      'services.path',
    ])
    .where('services.slug', '=', slug)
    .where('services.team_id', 'in', orNone(visibleTeams(person)))
    .executeTakeFirst();
  if (!row) throw notFound(`Service ${slug}`);
  return {
    id: row.id,
    slug: row.slug,
    teamId: row.team_id,
    team: row.team,
    repositoryId: row.repository_id,
    path: row.path,
  };
}

/** `in ()` is no SQL: a person without a team sees nothing. */
export function orNone(ids: string[]): string[] {
  return ids.length > 0 ? ids : ['00000000-0000-0000-0000-000000000000'];
}

/** The one way to reach a run by id. */
export async function runInScope(
  db: Db,
  person: UserPrincipal,
  runId: string,
): Promise<{ id: string; teamId: string }> {
  const row = await db
    .selectFrom('runs')
    .select(['id', 'team_id'])
    .where('id', '=', runId)
    .where('team_id', 'in', orNone(visibleTeams(person)))
    .executeTakeFirst();
  if (!row) throw notFoundOrRemoved(`Run ${runId}`);
  return { id: row.id, teamId: row.team_id };
}
