import { useQuery } from '@tanstack/react-query';
import { queries } from '../api/queries.ts';
import { reaches, type Role } from './role-ladder.ts';

/** My role in a team; undefined while it is being read, and for whoever has none. The server decides all the same. */
export function useRole(team: string): Role | undefined {
  return useQuery(queries.me()).data?.memberships.find((membership) => membership.team === team)?.role;
}

/** Whether I may do in a team what needs this role: what I may not is not offered. */
export function useMay(team: string, least: Role): boolean {
  return reaches(useRole(team), least);
}

/** Teams in which I may do what needs this role. */
export function useTeamsWhereIMay(least: Role): readonly string[] {
  const memberships = useQuery(queries.me()).data?.memberships ?? [];
  return memberships.filter(({ role }) => reaches(role, least)).map(({ team }) => team);
}

/** What is of the whole installation. */
export function useIsSystemAdmin(): boolean {
  return useQuery(queries.me()).data?.systemAdmin === true;
}

/** Whether anything on the page of the first steps is for me: services are registered by developers, all else is done by admins. */
export function useMayAddServices(): boolean {
  const system = useIsSystemAdmin();
  return useTeamsWhereIMay('developer').length > 0 || system;
}
