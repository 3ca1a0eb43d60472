import type { Trust } from './plan.ts';

export interface PoolOffer {
  /** null = a shared pool that serves every team. */
  readonly teamId: string | null;
  /** A pool has one level of trust: a runner with an engine socket is root on its host. */
  readonly trust: Trust;
  readonly labels: readonly string[];
}

export interface PoolRequirement {
  readonly teamId: string;
  readonly trust: Trust;
  readonly labels: readonly string[];
}

/** The first pool that fits, the team's own before shared ones; none is an answer too (`no-pool`). */
export function choosePool<Pool extends PoolOffer>(
  pools: readonly Pool[],
  requirement: PoolRequirement,
): Pool | undefined {
  const fitting = pools.filter(
    (pool) => pool.trust === requirement.trust && requirement.labels.every((label) => pool.labels.includes(label)),
  );
  return fitting.find(({ teamId }) => teamId === requirement.teamId) ?? fitting.find(({ teamId }) => teamId === null);
}
