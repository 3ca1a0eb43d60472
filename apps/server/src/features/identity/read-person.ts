import type { DbOrTx } from '../../platform/db/database.ts';
import type { TeamMembership, UserPrincipal } from '../../platform/http/principal.ts';
import { notFound } from '../../platform/http/problem.ts';

/** Teams of a person, by name. */
export async function readMemberships(db: DbOrTx, userId: string): Promise<TeamMembership[]> {
  return db
    .selectFrom('memberships')
    .innerJoin('teams', 'teams.id', 'memberships.team_id')
    .select(['teams.id as teamId', 'teams.slug as team', 'teams.title as title', 'memberships.role as role'])
    .where('memberships.user_id', '=', userId)
    .orderBy('teams.slug')
    .execute();
}

/** A person as `user` of the protocol. */
export async function readUser(db: DbOrTx, userId: string) {
  const row = await db
    .selectFrom('users')
    .select(['id', 'email', 'name', 'system_admin', 'disabled'])
    .where('id', '=', userId)
    .executeTakeFirst();
  if (!row) throw notFound(`Person ${userId}`);
  const identities = await db
    .selectFrom('user_identities')
    .select(['kind', 'value'])
    .where('user_id', '=', userId)
    .orderBy('kind')
    .orderBy('value')
    .execute();
  return {
    userId: row.id,
    email: row.email,
    name: row.name,
    systemAdmin: row.system_admin,
    disabled: row.disabled,
    memberships: (await readMemberships(db, userId)).map(shown),
    identities,
  };
}

/** `me` of the protocol. */
export function describeMe(principal: Omit<UserPrincipal, 'kind' | 'via' | 'scopes'>, csrfToken: string | null) {
  const { userId, email, name, systemAdmin } = principal;
  return { userId, email, name, systemAdmin, memberships: principal.memberships.map(shown), csrfToken };
}

function shown({ team, title, role }: TeamMembership) {
  return { team, title, role };
}
