import {
  choosePool,
  evolveRun,
  isTerminal,
  nextWakeAt,
  priorityRank,
  runPriority,
  type RunCommand,
  type RunDecision,
  type RunEffect,
  type RunEvent,
  type RunState,
} from '@sluice/engine';
import type { Task } from '../kernel/kernel.ts';
import { UniqueViolation } from '../kernel/store.ts';
import type { Replica, Unit } from './replica.ts';
import type { Tables } from './tables.ts';

export type AppliedToRun = RunDecision & { readonly state: RunState };
type NewRun = Pick<Tables['runs'], 'dedupeKey' | 'planHash'>;

/** features/runs/run-store.ts */
export function* createRun(
  replica: Replica,
  unit: Unit,
  command: Extract<RunCommand, { type: 'create' }>,
  { dedupeKey, planHash }: NewRun,
): Task<RunState> {
  const decision = replica.at.wiring.decideRun(undefined, command, contextOf(replica));
  if (decision.kind !== 'accepted') throw new Error(`a new run was refused: ${JSON.stringify(decision)}`);
  const state = decision.events.reduce<RunState | undefined>(evolveRun, undefined)!;
  yield replica.at.store.statement();
  const { runId: id, serviceId, number, version } = state;
  unit.put('runs', { id, serviceId, number, version, dedupeKey, planHash, wakeAt: nextWakeAt(state) ?? null, state });
  yield* write(replica, unit, state, 0, decision.events, decision.effects);
  if (state.trigger.kind !== 'rerun' && olderOpenRuns(unit, state).length > 0)
    replica.send(unit, 'supersede-runs', { runId: id });
  return state;
}

/** features/runs/older-open-runs.ts */
function olderOpenRuns(unit: Unit, { serviceId, ref, number }: RunState): readonly Tables['runs'][] {
  return unit
    .rows('runs')
    .filter(
      ({ state }) =>
        state.serviceId === serviceId && state.ref === ref && state.number < number && state.finishedAt === undefined,
    );
}

/** features/runs/supersede-runs.ts */
export function* supersedeRuns(replica: Replica, { runId }: { readonly runId: string }): Task {
  const newer = replica.at.store.get('runs', runId)!.state;
  const older = yield* replica.transaction(function* (unit) {
    yield replica.at.store.statement();
    return olderOpenRuns(unit, newer).map(({ id }) => id);
  });
  const { number, trust } = newer;
  const { event } = newer.plan.facts;
  for (const id of older)
    yield* replica.transaction((unit) => applyToRun(replica, unit, id, { type: 'supersede', number, event, trust }));
}

export function* applyToRun(replica: Replica, unit: Unit, runId: string, command: RunCommand): Task<AppliedToRun> {
  const { wiring, store } = replica.at;
  const row = wiring.guards.runWrites ? yield* unit.lock('runs', runId) : unit.get('runs', runId);
  if (!row) throw new Error(`run ${runId} does not exist`);
  const before = row.state;
  const decision = wiring.decideRun(before, command, contextOf(replica));
  if (decision.kind !== 'accepted') return { ...decision, state: before };
  const state = decision.events.reduce<RunState>(evolveRun, before);
  yield store.statement();
  const stored = yield* unit.lock('runs', runId);
  if (!stored || (wiring.guards.runWrites && stored.version !== before.version))
    throw new Error(`run ${runId} changed under its lock`);
  unit.put('runs', { ...stored, version: state.version, wakeAt: nextWakeAt(state) ?? null, state });
  yield* write(replica, unit, state, before.version, decision.events, decision.effects);
  return { ...decision, state };
}

function* write(
  replica: Replica,
  unit: Unit,
  state: RunState,
  version: number,
  events: readonly RunEvent[],
  effects: readonly RunEffect[],
): Task {
  if (events.length > 0) {
    yield replica.at.store.statement();
    const known = unit.get('runEvents', state.runId)?.events ?? [];
    if (replica.at.wiring.guards.runWrites && known.length !== version)
      throw new UniqueViolation(`run_events of ${state.runId} at ${version + 1}`);
    unit.put('runEvents', { id: state.runId, events: [...known.slice(0, version), ...events] });
  }
  for (const effect of effects) yield* carryOut(replica, unit, state, effect);
  const ended = events.filter((event) => event.type === 'attempt-ended');
  for (const event of ended) yield* endAttemptRow(replica, unit, event);
  if (ended.length > 0) lookWhereTheTeamWaits(replica, unit, state);
}

/** The end of one job may make room for another of its team, in whatever pool that waits. */
function lookWhereTheTeamWaits(replica: Replica, unit: Unit, { teamId }: RunState): void {
  const waiting = unit.rows('attempts').filter((row) => row.teamId === teamId && row.status === 'queued');
  for (const poolId of new Set(waiting.map((row) => row.poolId)))
    if (poolId !== null) replica.send(unit, 'look-at-pool', { poolId });
}

function* carryOut(replica: Replica, unit: Unit, state: RunState, effect: RunEffect): Task {
  switch (effect.type) {
    case 'queue-attempt':
      return queueAttempt(replica, unit, state, effect);
    case 'cancel-attempt': {
      const row = yield* unit.lock('attempts', effect.attemptId);
      if (row?.status === 'running') unit.put('attempts', { ...row, cancelRequested: true });
      return;
    }
    case 'make-release':
      return replica.send(unit, 'make-release', { runId: state.runId });
    case 'withdraw-release':
      return replica.send(unit, 'withdraw-release', {
        releaseId: effect.releaseId,
        by: state.cancelRequested?.by ?? { kind: 'system', name: 'Sluice' },
      });
  }
}

function queueAttempt(
  replica: Replica,
  unit: Unit,
  state: RunState,
  effect: Extract<RunEffect, { type: 'queue-attempt' }>,
): void {
  const labels = state.plan.jobs.find(({ key }) => key === effect.jobKey)?.labels;
  if (!labels) throw new Error(`run ${state.runId} queued the unknown job ${effect.jobKey}`);
  const pools = unit.rows('pools').filter(({ teamId }) => teamId === null || teamId === state.teamId);
  const pool = choosePool(pools, { teamId: state.teamId, trust: state.trust, labels });
  unit.put('attempts', {
    id: effect.attemptId,
    teamId: state.teamId,
    runId: state.runId,
    serviceId: state.serviceId,
    jobKey: effect.jobKey,
    number: effect.number,
    poolId: pool?.id ?? null,
    trust: state.trust,
    labels,
    priority: priorityRank(runPriority(state)),
    status: 'queued',
    epoch: 0,
    runnerId: null,
    pollId: null,
    queuedAt: replica.at.kernel.now,
    expiresAt: null,
    startedAt: null,
    finishedAt: null,
    cancelRequested: false,
    result: null,
    log: '',
    logSealed: 'no',
  });
  if (pool) replica.send(unit, 'look-at-pool', { poolId: pool.id });
}

function* endAttemptRow(replica: Replica, unit: Unit, event: Extract<RunEvent, { type: 'attempt-ended' }>): Task {
  if (!isTerminal(event.status)) return;
  const row = yield* unit.lock('attempts', event.attemptId);
  if (row?.status !== 'queued' && row?.status !== 'running') return;
  unit.put('attempts', { ...row, status: event.status, finishedAt: replica.at.kernel.now });
}

function contextOf(replica: Replica) {
  return { now: replica.now, newId: () => replica.at.newId('attempt') };
}
