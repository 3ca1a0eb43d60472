import type { Me } from '../api/shapes.ts';

export type Role = Me['memberships'][number]['role'];

/** Each may what those before it may; a spec compares it with the contract, by whose order the server refuses. */
export const ROLE_LADDER: readonly Role[] = ['viewer', 'developer', 'release-manager', 'admin'];

/** Whether a role is enough, as the server judges it. Without a role nothing is. */
export function reaches(role: Role | undefined, least: Role): boolean {
  return role !== undefined && ROLE_LADDER.indexOf(role) >= ROLE_LADDER.indexOf(least);
}
