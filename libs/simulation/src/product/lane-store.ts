import {
  evolveLane,
  isTerminal,
  type Actor,
  type Approver,
  type LaneCommand,
  type LaneDecision,
  type LaneEffect,
  type LaneEvent,
  type LaneSettings,
  type LaneState,
} from '@sluice/engine';
import type { Task } from '../kernel/kernel.ts';
import { UniqueViolation } from '../kernel/store.ts';
import type { Replica, Unit } from './replica.ts';
import type { Tables } from './tables.ts';

export type AppliedToLane = LaneDecision & { readonly state: LaneState };

export function laneSettings({ gate, settingsHash }: Tables['environments']): LaneSettings {
  return { gate, settingsHash };
}

export function bindingOf(digest: string, planHash: string, settingsHash: string): string {
  return `${digest}|${planHash}|${settingsHash}`;
}

/** The lane of a service in an environment; made at the first release that comes. */
export function* openLane(
  replica: Replica,
  unit: Unit,
  service: Tables['services'],
  environment: Tables['environments'],
): Task<string> {
  yield replica.at.store.statement();
  const known = unit
    .rows('lanes')
    .find(({ serviceId, environmentId }) => serviceId === service.id && environmentId === environment.id);
  if (known) return known.id;
  const decision = replica.at.wiring.decideLane(
    undefined,
    {
      type: 'open-lane',
      laneId: replica.at.newId('lane'),
      teamId: service.teamId,
      serviceId: service.id,
      environment: environment.name,
      settings: laneSettings(environment),
    },
    contextOf(replica),
  );
  if (decision.kind !== 'accepted') throw new Error(`a new lane was refused: ${JSON.stringify(decision)}`);
  const state = decision.events.reduce<LaneState | undefined>(evolveLane, undefined)!;
  const { laneId: id, version } = state;
  unit.put('lanes', { id, serviceId: service.id, environmentId: environment.id, version, state });
  unit.put('laneEvents', { id, events: decision.events });
  return id;
}

/** features/lanes/lane-store.ts */
export function* applyToLane(replica: Replica, unit: Unit, laneId: string, command: LaneCommand): Task<AppliedToLane> {
  const row = yield* unit.lock('lanes', laneId);
  if (!row) throw new Error(`lane ${laneId} does not exist`);
  const before = row.state;
  const decision = replica.at.wiring.decideLane(before, command, contextOf(replica));
  if (decision.kind !== 'accepted') return { ...decision, state: before };
  const state = decision.events.reduce<LaneState>(evolveLane, before);
  yield replica.at.store.statement();
  unit.put('lanes', { ...row, version: state.version, state });
  const known = unit.get('laneEvents', laneId)?.events ?? [];
  if (known.length !== before.version) throw new UniqueViolation(`lane_events of ${laneId} at ${before.version + 1}`);
  unit.put('laneEvents', { id: laneId, events: [...known, ...decision.events] });
  for (const event of decision.events) yield* writeDeployment(unit, row, state, event);
  for (const effect of decision.effects) send(replica, unit, state, effect);
  return { ...decision, state };
}

/** features/lanes/rebind-lanes.ts: whoever decides by the gate calls this first. */
export function* bindToSettings(replica: Replica, unit: Unit, laneId: string): Task {
  const lane = yield* unit.lock('lanes', laneId);
  const environment = lane && unit.get('environments', lane.environmentId);
  if (!lane || !environment || !replica.at.wiring.guards.bindBeforeDeciding) return;
  yield* recheckApprovers(replica, unit, lane);
  yield* withdrawCalledOff(replica, unit, lane);
  const settings = laneSettings(environment);
  const bindings = Object.fromEntries(
    lane.state.open.map(({ id, release }) => [
      id,
      bindingOf(release.image.digest, release.planHash, settings.settingsHash),
    ]),
  );
  yield* applyToLane(replica, unit, laneId, { type: 'change-settings', settings, bindings });
}

/** A right that was taken away counts here at once (I16). */
function* recheckApprovers(replica: Replica, unit: Unit, lane: Tables['lanes']): Task {
  const people: Approver[] = [];
  for (const { status, approvals } of lane.state.open) {
    if (status !== 'waiting') continue;
    for (const { userId } of approvals) people.push(yield* rightsNow(unit, userId));
  }
  if (people.length > 0) yield* applyToLane(replica, unit, lane.id, { type: 'recheck-approvers', people });
}

export function* rightsNow(unit: Unit, userId: string): Task<Approver> {
  const row = yield* unit.share('memberships', userId);
  return { userId, name: row?.name ?? userId, roles: row?.roles ?? [] };
}

/** A cancel that was acknowledged counts here at once, and not only when its message has come (I19). */
function* withdrawCalledOff(replica: Replica, unit: Unit, lane: Tables['lanes']): Task {
  if (!replica.at.wiring.guards.cancelledAtGate) return;
  for (const { status, release } of lane.state.open) {
    if (status !== 'waiting') continue;
    const by = yield* calledOffBy(unit, release.runId);
    if (by) yield* applyToLane(replica, unit, lane.id, { type: 'withdraw', releaseId: release.releaseId, by });
  }
}

/** Holds off a cancel of the run until this transaction has ended. */
export function* calledOffBy(unit: Unit, runId: string): Task<Actor | undefined> {
  return (yield* unit.share('runs', runId))?.state.cancelRequested?.by;
}

function* writeDeployment(unit: Unit, lane: Tables['lanes'], state: LaneState, event: LaneEvent): Task {
  if (event.type === 'release-entered') {
    const { id, release, status, binding } = event.deployment;
    unit.put('deployments', {
      id,
      laneId: lane.id,
      environmentId: lane.environmentId,
      releaseId: release.releaseId,
      status,
      binding,
      target: unit.get('environments', lane.environmentId)!.target,
      intent: null,
      cursor: { pending: false, silentSince: null },
      holder: null,
      holderUntil: 0,
    });
  }
  if (event.type === 'settings-changed') {
    const { target } = unit.get('environments', lane.environmentId)!;
    for (const { id, binding } of state.open.filter(({ status }) => status === 'waiting')) {
      const row = yield* unit.lock('deployments', id);
      if (row) unit.put('deployments', { ...row, binding, target });
    }
  }
  const status =
    event.type === 'deployment-started'
      ? 'running'
      : event.type === 'deployment-unknown'
        ? 'unknown'
        : event.type === 'deployment-ended'
          ? event.status
          : undefined;
  if (status === undefined || !('deploymentId' in event)) return;
  const row = yield* unit.lock('deployments', event.deploymentId);
  if (row) unit.put('deployments', { ...row, status, ...(isTerminal(status) && { holder: null, holderUntil: 0 }) });
}

function send(replica: Replica, unit: Unit, state: LaneState, effect: LaneEffect): void {
  switch (effect.type) {
    case 'start-deployment':
      return replica.send(unit, 'run-deployment', { deploymentId: effect.deploymentId });
    case 'advance-release':
      return replica.send(unit, 'advance-release', { releaseId: effect.releaseId, from: effect.from });
    case 'tell-run': {
      const { type: _, ...word } = effect;
      return replica.send(unit, 'tell-run', { ...word, laneVersion: state.version });
    }
  }
}

function contextOf(replica: Replica) {
  return { now: replica.now, newId: () => replica.at.newId('deployment') };
}
