import { isHeld, planRerun, type Actor, type RerunScope, type Trust } from '@sluice/engine';
import type { Task } from '../kernel/kernel.ts';
import { planAt, type ServiceName } from './definitions.ts';
import { Refused, type Replica, type Unit } from './replica.ts';
import { applyToRun, createRun } from './run-store.ts';
import type { Messages } from './tables.ts';

export interface Push {
  /** The id that the forge gave the delivery. */
  readonly key: string;
  readonly repositoryId: string;
  /** Place of the commit in the history of the branch. */
  readonly commit: number;
  readonly by: Actor;
  readonly trust: Trust;
}

export function commitName(index: number): string {
  return `c${index}`.padEnd(40, '0');
}

/** features/webhooks/store-delivery.ts: kept together with the message that has it planned, before the answer. */
export function* storeDelivery(replica: Replica, push: Push): Task<{ deliveryId: string }> {
  const { key, repositoryId, commit, by, trust } = push;
  return yield* replica.transaction(
    function* (unit) {
      yield replica.at.store.statement();
      const known = unit.rows('deliveries').find((row) => row.key === key);
      if (known) return { deliveryId: known.id };
      const id = replica.at.newId('delivery');
      unit.put('deliveries', { id, key, repositoryId, commit, status: 'received' });
      replica.send(unit, 'plan-delivery', { deliveryId: id, actor: by, trust });
      return { deliveryId: id };
    },
    undefined,
    true,
  );
}

/** features/planning: git first, then one transaction with the branch head, all runs and the delivery's outcome. */
export function* planDelivery(replica: Replica, message: Messages['plan-delivery']): Task {
  for (let moved = 0; moved < 20; moved += 1) {
    if ((yield* planOnce(replica, message)) === 'ended') return;
  }
  throw new Error('the head moved twenty times while a delivery was planned');
}

function* planOnce(replica: Replica, { deliveryId, actor, trust }: Messages['plan-delivery']): Task<'ended' | 'moved'> {
  const { store, random } = replica.at;
  const delivery = store.get('deliveries', deliveryId);
  if (delivery?.status !== 'received') return 'ended';
  const { repositoryId, commit } = delivery;
  const head = store.get('branchHeads', repositoryId)?.commit ?? -1;
  // The mirror is fetched and read here.
  yield random.between(20, 400);
  return yield* replica.transaction(function* (unit): Task<'ended' | 'moved'> {
    yield* unit.lock('repositories', repositoryId);
    const now = yield* unit.lock('deliveries', deliveryId);
    if (now?.status !== 'received') return 'ended';
    if (trust === 'trusted') {
      if ((unit.get('branchHeads', repositoryId)?.commit ?? -1) !== head) return 'moved';
      if (commit < head) {
        unit.put('deliveries', { ...now, status: 'ignored' });
        return 'ended';
      }
      unit.put('branchHeads', { id: repositoryId, commit });
    } else yield* voidHeldRuns(replica, unit, repositoryId, commitName(commit));
    const services = unit.rows('services').filter((service) => service.repositoryId === repositoryId);
    for (const { id } of services.toSorted((a, b) => (a.id < b.id ? -1 : 1)))
      yield* runOf(replica, unit, id, commit, actor, trust);
    unit.put('deliveries', { ...now, status: 'planned' });
    return 'ended';
  });
}

function* runOf(replica: Replica, unit: Unit, serviceId: string, at: number, by: Actor, trust: Trust): Task {
  const service = (yield* unit.lock('services', serviceId))!;
  const commit = commitName(at);
  const dedupeKey = `push:${trust}:${commit}`;
  if (unit.rows('runs').some((run) => run.serviceId === serviceId && run.dedupeKey === dedupeKey)) return;
  const { plan, planHash } = planAt(serviceId as ServiceName, commit);
  const identity = {
    runId: replica.at.newId('run'),
    teamId: service.teamId,
    serviceId,
    number: service.nextRunNumber,
    ref: trust === 'trusted' ? 'refs/heads/main' : 'refs/pull/1/head',
    commit,
    message: '',
    author: by.name,
    trust,
    trigger: { kind: 'push', by },
  } as const;
  const held = { code: 'fork', message: 'Nobody of the team has let this commit run yet.' };
  const command = { type: 'create', identity, plan, ...(trust === 'untrusted' && { held }) } as const;
  yield* createRun(replica, unit, command, { dedupeKey, planHash });
  unit.put('services', { ...service, nextRunNumber: service.nextRunNumber + 1 });
}

/** features/runs/void-held-runs.ts */
function* voidHeldRuns(replica: Replica, unit: Unit, repositoryId: string, head: string): Task {
  const services = new Set(unit.rows('services').flatMap((row) => (row.repositoryId === repositoryId ? [row.id] : [])));
  const open = unit
    .rows('runs')
    .filter(({ serviceId, state }) => services.has(serviceId) && state.finishedAt === undefined && state.held)
    .filter(({ state }) => state.commit !== head)
    .toSorted((a, b) => a.serviceId.localeCompare(b.serviceId) || a.id.localeCompare(b.id));
  for (const { id } of open) {
    const row = (yield* unit.lock('runs', id))!;
    if (!isHeld(row.state)) continue;
    const by = { kind: 'system', name: 'Sluice' } as const;
    yield* applyToRun(replica, unit, id, { type: 'cancel', by, reason: 'The pull request was pushed again.' });
    unit.put('runs', { ...unit.get('runs', id)!, dedupeKey: null });
  }
}

/** features/runs/admit-run.ts */
export function* admit(replica: Replica, by: Actor, runId: string, commit: string): Task {
  yield* replica.transaction(function* (unit) {
    const applied = yield* applyToRun(replica, unit, runId, { type: 'admit', by, commit });
    if (applied.kind === 'rejected') throw new Refused(applied.code);
    if (applied.kind === 'accepted') replica.audit(unit, by.name, 'run.admit', runId);
  });
}

/** features/runs/rerun.ts */
export function* rerun(replica: Replica, by: Actor, runId: string, scope: RerunScope): Task<{ runId: string }> {
  return yield* replica.transaction(function* (unit) {
    const old = unit.get('runs', runId);
    if (!old) throw new Refused('not-found');
    const again = planRerun(old.state, scope);
    if (again.kind === 'rejected') throw new Refused(again.code);
    const service = (yield* unit.lock('services', old.serviceId))!;
    const { teamId, serviceId, ref, commit, message, author, trust, plan, held, admitted } = old.state;
    const identity = {
      teamId,
      serviceId,
      ref,
      commit,
      message,
      author,
      trust,
      runId: replica.at.newId('run'),
      number: service.nextRunNumber,
      trigger: { kind: 'rerun', by, rerunOf: runId, rerunScope: scope },
    } as const;
    const stillHeld = held && !admitted ? { held } : {};
    const carried = again.carried ? { carried: again.carried } : {};
    const command = { type: 'create', identity, plan, ...carried, ...stillHeld } as const;
    yield* createRun(replica, unit, command, { dedupeKey: null, planHash: old.planHash });
    unit.put('services', { ...service, nextRunNumber: service.nextRunNumber + 1 });
    replica.audit(unit, by.name, 'run.rerun', runId);
    return { runId: identity.runId };
  });
}

/** features/runs/cancel-run.ts */
export function* cancel(replica: Replica, by: Actor, runId: string): Task {
  yield* replica.transaction(function* (unit) {
    const applied = yield* applyToRun(replica, unit, runId, { type: 'cancel', by });
    if (applied.kind === 'rejected') throw new Refused(applied.code);
    if (applied.kind === 'accepted') replica.audit(unit, by.name, 'run.cancel', runId);
  });
}
