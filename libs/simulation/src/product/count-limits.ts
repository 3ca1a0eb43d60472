import { groupStandings, runGroup, type GroupMember } from '@sluice/engine';
import type { Task } from '../kernel/kernel.ts';
import type { Replica, Unit } from './replica.ts';
import type { AttemptRow, Tables } from './tables.ts';

export interface Limits {
  readonly room: ReadonlyMap<string, number>;
  /** What groups hold back, and teams that were not there to be counted. */
  isHeld(row: AttemptRow): boolean;
}

export function limitsOf({ teamId, serviceId }: AttemptRow): string[] {
  return [`team:${teamId}`, `service:${serviceId}`];
}

/** features/dispatch/count-limits.ts */
export function* countLimits(replica: Replica, unit: Unit, poolId: string): Task<Limits> {
  const waiting = unit.rows('attempts').filter((row) => row.poolId === poolId && row.status === 'queued');
  const teams = [...new Set(waiting.map(({ teamId }) => teamId))].toSorted();
  const { guards } = replica.at.wiring;
  if (guards.limits) for (const team of teams) yield* unit.lock('teams', `limits:${team}`);
  yield replica.at.store.statement();
  const running = unit.rows('attempts').filter(({ status }) => status === 'running');
  const room = new Map<string, number>();
  const limit = (name: string, max: number | null, counts: (row: AttemptRow) => boolean) => {
    if (max !== null) room.set(name, max - running.filter(counts).length);
  };
  for (const { id, maxRunning } of unit.rows('teams')) limit(`team:${id}`, maxRunning, (row) => row.teamId === id);
  for (const { id, maxRunning } of unit.rows('services'))
    limit(`service:${id}`, maxRunning, (row) => row.serviceId === id);
  const standings = groupStandings(membersOf(unit));
  const isHeld = ({ runId, teamId }: AttemptRow) =>
    (guards.limits && !teams.includes(teamId)) || (guards.groups && standings.get(runId)?.admitted === false);
  return { room, isHeld };
}

/** features/runs/group-members.ts */
function membersOf(unit: Unit): GroupMember[] {
  const [holders, waiting] = [new Set<string>(), new Set<string>()];
  for (const { runId, status, epoch, poolId } of unit.rows('attempts')) {
    if (status !== 'queued' && epoch > 0) holders.add(runId);
    if (status === 'queued' && poolId !== null) waiting.add(runId);
  }
  return unit.rows('runs').flatMap(({ id: runId, state }: Tables['runs']): GroupMember[] => {
    const holds = holders.has(runId);
    const group = holds || waiting.has(runId) ? runGroup(state) : undefined;
    if (!group) return [];
    return [{ runId, group: { ...group, key: `${state.teamId} ${group.key}` }, createdAt: state.createdAt, holds }];
  });
}
