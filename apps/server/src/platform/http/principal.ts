import { ROLES, type Actor, type Role } from '@sluice/engine';
import { forbidden, notFound } from './problem.ts';

export interface TeamMembership {
  readonly teamId: string;
  readonly team: string;
  readonly title: string;
  readonly role: Role;
}

export interface UserPrincipal {
  readonly kind: 'user';
  readonly userId: string;
  readonly name: string;
  readonly email: string;
  readonly systemAdmin: boolean;
  /** A token bound to one team carries only that membership. */
  readonly memberships: readonly TeamMembership[];
  readonly via: 'session' | 'token';
  readonly scopes: readonly string[];
}

export interface RunnerPrincipal {
  readonly kind: 'runner';
  readonly runnerId: string;
  readonly poolId: string;
}

export type Principal = UserPrincipal | RunnerPrincipal;

/** Team ids whose rows the person may read. System admins administer; they see a team's rows only as members. */
export function visibleTeams(principal: UserPrincipal): string[] {
  return principal.memberships.map((membership) => membership.teamId);
}

/**
 * The one check of rights over a team. Not a member: 404, as if the thing did not exist. Member with a lower role: 403.
 * `gate` rights are not here: the lane decides them (named roles).
 */
export function requireRole(principal: UserPrincipal, teamId: string, least: Role, what: string): TeamMembership {
  const membership = principal.memberships.find((candidate) => candidate.teamId === teamId);
  if (!membership) throw notFound(what);
  if (ROLES.indexOf(membership.role) < ROLES.indexOf(least)) {
    throw forbidden(
      'role-too-low',
      `This needs the role ${least} in team ${membership.team}; yours is ${membership.role}.`,
    );
  }
  return membership;
}

export function requireSystemAdmin(principal: UserPrincipal): void {
  if (!principal.systemAdmin) throw forbidden('not-system-admin', 'Only a system admin may do this.');
}

export function actorOf(principal: UserPrincipal): Actor {
  return { kind: principal.via === 'token' ? 'token' : 'user', userId: principal.userId, name: principal.name };
}

/** `requireRole` for a team named by its slug, as routes name it. */
export function requireTeam(principal: UserPrincipal, team: string, least: Role): TeamMembership {
  const membership = principal.memberships.find((candidate) => candidate.team === team);
  if (!membership) throw notFound(`Team ${team}`);
  return requireRole(principal, membership.teamId, least, `Team ${team}`);
}
