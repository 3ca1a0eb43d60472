import type { Plan, Trust } from './plan.ts';

/**
 * Order among the jobs of one team, lowest first; a wait of half an hour lifts by one level. Deployments and rollbacks are
 * above all of them: they run in the control plane and wait for no runner.
 */
export const PRIORITIES = ['background', 'default', 'release'] as const;
export type Priority = (typeof PRIORITIES)[number];

const DEFAULT = PRIORITIES.indexOf('default');

/** The server gives it: what will be released before what only checks a change; a definition can only lower it. */
export function runPriority({ plan, trust }: { readonly plan: Plan; readonly trust: Trust }): Priority {
  if (plan.priority !== undefined) return plan.priority;
  return trust === 'trusted' && plan.release.length > 0 ? 'release' : 'default';
}

export function priorityRank(priority: Priority): number {
  return PRIORITIES.indexOf(priority) - DEFAULT;
}

/** undefined: a rank that no version gave. */
export function priorityOfRank(rank: number): Priority | undefined {
  return PRIORITIES[rank + DEFAULT];
}
