import type { Instant, RunState } from './run.ts';
import { isTerminal } from './statuses.ts';

/** What a run shares with others of its team, and how many of them may use runners at once. */
export interface RunGroup {
  /** `group:<name>`, or `service:<id>` for the service's own runs; unique within a team. */
  readonly key: string;
  readonly max: number;
}

/**
 * The group whose runners' time a run wants or has. It leaves with its last job: a release waits and deploys outside, or a
 * gate that nobody opens would hold up every newer run.
 */
export function runGroup(state: RunState): RunGroup | undefined {
  const limit = state.plan.concurrency?.limit;
  if (!limit || isTerminal(state.status) || state.stages.release.startedAt !== undefined) return undefined;
  return { key: limit.group === undefined ? `service:${state.serviceId}` : `group:${limit.group}`, max: limit.max };
}

export interface GroupMember {
  readonly runId: string;
  readonly group: RunGroup;
  readonly createdAt: Instant;
  /** It has had a lease and is not through with its jobs. */
  readonly holds: boolean;
}

/** Where a run of a group stands. */
export interface GroupStanding {
  readonly admitted: boolean;
  /** Runs that use runners now, this one left out. */
  readonly holders: readonly string[];
  /** Runs before it that wait as well; those that hold the group left out. */
  readonly before: readonly string[];
}

/**
 * Which runs may have leases: those that have had one, and of the others the oldest, as long as their own `max` leaves them
 * a place. Nobody passes one that stands before: a large `max` must not overtake a small one.
 */
export function groupStandings(members: readonly GroupMember[]): ReadonlyMap<string, GroupStanding> {
  const standings = new Map<string, GroupStanding>();
  for (const group of Map.groupBy(members, ({ group: { key } }) => key).values()) {
    const holders = group.filter(({ holds }) => holds).map(({ runId }) => runId);
    for (const runId of holders)
      standings.set(runId, { admitted: true, holders: holders.filter((one) => one !== runId), before: [] });
    const before: string[] = [];
    let open = true;
    for (const { runId, group: own } of group.filter(({ holds }) => !holds).toSorted(byAge)) {
      open &&= holders.length + before.length < own.max;
      standings.set(runId, { admitted: open, holders, before: [...before] });
      before.push(runId);
    }
  }
  return standings;
}

function byAge(a: GroupMember, b: GroupMember): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? -1 : 1;
  return a.runId < b.runId ? -1 : 1;
}
