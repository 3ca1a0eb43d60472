import { useQuery } from '@tanstack/react-query';
import { queries } from '../api/queries.ts';
import type { Me } from '../api/shapes.ts';

/** My role in a team; undefined while it is being read, and for whoever has none. The server decides all the same. */
export function useRole(team: string): Me['memberships'][number]['role'] | undefined {
  return useQuery(queries.me()).data?.memberships.find((membership) => membership.team === team)?.role;
}
