import { Injectable } from '@nestjs/common';
import {
  decideLane,
  evolveLane,
  isTerminal,
  type Decision,
  type LaneCommand,
  type LaneDeployment,
  type LaneEffect,
  type LaneEvent,
  type LaneState,
} from '@sluice/engine';
import { Clock, Ids } from '../../platform/clock/clock.port.ts';
import { json } from '../../platform/db/database.ts';
import type { Unit } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';

export type AppliedToLane = Decision<LaneEvent, LaneEffect> & { readonly state: LaneState };

/** What the deployment rows need beside the lane's own state. */
export interface LaneRow {
  readonly laneId: string;
  readonly environmentId: string;
  /** Full settings of the environment now; kept with each deployment as it enters or is bound anew. */
  readonly settings: Record<string, unknown>;
}

/**
 * The only writer of lanes. One call changes one lane: row locked, decision by the pure engine; events, state,
 * deployment rows and outbox in the caller's transaction.
 */
@Injectable()
export class LaneStore {
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #outbox: Outbox;
  constructor(clock: Clock, ids: Ids, outbox: Outbox) {
    this.#clock = clock;
    this.#ids = ids;
    this.#outbox = outbox;
  }

  /** The lane of a service in an environment; made at the first release that comes. */
  async open(unit: Unit, command: Extract<LaneCommand, { type: 'open-lane' }>, environmentId: string): Promise<string> {
    const decision = decideLane(undefined, command, this.#context());
    if (decision.kind !== 'accepted') throw new Error(`a new lane was refused: ${JSON.stringify(decision)}`);
    const state = decision.events.reduce<LaneState | undefined>(evolveLane, undefined)!;
    const inserted = await unit.tx
      .insertInto('lanes')
      .values({
        id: state.laneId,
        team_id: state.teamId,
        service_id: state.serviceId,
        environment_id: environmentId,
        version: state.version,
        state: json(state),
      })
      .onConflict((conflict) => conflict.columns(['service_id', 'environment_id']).doNothing())
      .returning('id')
      .executeTakeFirst();
    if (inserted) {
      await this.#appendEvents(unit, state.laneId, 0, decision.events);
      return state.laneId;
    }
    const existing = await unit.tx
      .selectFrom('lanes')
      .select('id')
      .where('service_id', '=', command.serviceId)
      .where('environment_id', '=', environmentId)
      .executeTakeFirstOrThrow();
    return existing.id;
  }

  async apply(unit: Unit, row: LaneRow, command: LaneCommand): Promise<AppliedToLane> {
    const stored = await unit.tx
      .selectFrom('lanes')
      .select('state')
      .where('id', '=', row.laneId)
      .forUpdate()
      .executeTakeFirst();
    if (!stored) throw new Error(`lane ${row.laneId} does not exist`);
    const before = stored.state;
    const decision = decideLane(before, command, this.#context());
    if (decision.kind !== 'accepted') return { ...decision, state: before };
    const state = decision.events.reduce<LaneState>(evolveLane, before);
    const { numUpdatedRows } = await unit.tx
      .updateTable('lanes')
      .set({ version: state.version, state: json(state) })
      .where('id', '=', row.laneId)
      .where('version', '=', before.version)
      .executeTakeFirst();
    if (numUpdatedRows !== 1n) throw new Error(`lane ${row.laneId} changed under its lock`);
    await this.#appendEvents(unit, row.laneId, before.version, decision.events);
    for (const event of decision.events) await this.#writeDeployment(unit, row, state, before, event);
    for (const effect of decision.effects) await this.#send(unit, state, effect);
    for (const event of decision.events)
      if (event.type === 'deployment-ended' && event.status === 'passed')
        await this.#outbox.add(unit, 'release-live', { deploymentId: event.deploymentId });
    await this.#outbox.add(unit, 'changed', {
      topics: [
        `lane:${row.laneId}`,
        `service:${state.serviceId}`,
        'board',
        'approvals',
        'environments',
        ...touched(decision.events),
      ],
    });
    await failpoint('lane:before-commit');
    return { ...decision, state };
  }

  async #appendEvents(unit: Unit, laneId: string, version: number, events: readonly LaneEvent[]): Promise<void> {
    if (events.length === 0) return;
    await unit.tx
      .insertInto('lane_events')
      .values(
        events.map((event, index) => ({
          lane_id: laneId,
          sequence: version + index + 1,
          at: event.at,
          event: json(event),
        })),
      )
      .execute();
  }

  /** Deployment rows are the lane's history for queries; they follow its events in the same transaction. */
  async #writeDeployment(
    unit: Unit,
    row: LaneRow,
    state: LaneState,
    before: LaneState,
    event: LaneEvent,
  ): Promise<void> {
    const { tx } = unit;
    switch (event.type) {
      case 'release-entered':
        return void (await tx
          .insertInto('deployments')
          .values(newRow(row, state, event.deployment))
          .onConflict((conflict) => conflict.columns(['lane_id', 'release_id']).doNothing())
          .execute());
      case 'settings-changed':
        for (const deployment of state.open.filter((candidate) => candidate.status === 'waiting')) {
          await tx
            .updateTable('deployments')
            .set({ binding: deployment.binding, approvals: json(deployment.approvals), settings: json(row.settings) })
            .where('id', '=', deployment.id)
            .execute();
        }
        return;
      case 'approved':
      case 'approvals-lapsed': {
        const known = state.open.find((deployment) => deployment.id === event.deploymentId)?.approvals;
        if (!known) throw new Error(`deployment ${event.deploymentId} of lane ${state.laneId} is not open`);
        await tx
          .updateTable('deployments')
          .set({ approvals: json(known) })
          .where('id', '=', event.deploymentId)
          .execute();
        return;
      }
      case 'deployment-started':
        await tx
          .updateTable('deployments')
          .set({ status: 'running', started_at: event.at, replaced_deployment_id: before.live?.deploymentId ?? null })
          .where('id', '=', event.deploymentId)
          .execute();
        return;
      case 'deployment-unknown':
        await tx
          .updateTable('deployments')
          .set({ status: 'unknown', reason: json(event.reason) })
          .where('id', '=', event.deploymentId)
          .execute();
        return;
      case 'deployment-ended':
        if (!isTerminal(event.status)) throw new Error(`a deployment cannot end as ${event.status}`);
        await tx
          .updateTable('deployments')
          .set({
            status: event.status,
            finished_at: event.at,
            reason: event.reason ? json(event.reason) : null,
            holder: null,
            holder_until: null,
          })
          .where('id', '=', event.deploymentId)
          .execute();
        return;
      case 'lane-opened':
      case 'rejected':
        return;
    }
  }

  async #send(unit: Unit, state: LaneState, effect: LaneEffect): Promise<void> {
    switch (effect.type) {
      case 'start-deployment':
        return this.#outbox.add(unit, 'run-deployment', { deploymentId: effect.deploymentId });
      case 'advance-release':
        return this.#outbox.add(unit, 'advance-release', { releaseId: effect.releaseId, from: effect.from });
      case 'tell-run': {
        const { type: _, ...word } = effect;
        return this.#outbox.add(unit, 'tell-run', { ...word, laneVersion: state.version });
      }
    }
  }

  #context() {
    return { now: this.#clock.now().toISOString(), newId: () => this.#ids.next() };
  }
}

function touched(events: readonly LaneEvent[]): string[] {
  const ids = events.flatMap((event) =>
    event.type === 'release-entered' ? [event.deployment.id] : 'deploymentId' in event ? [event.deploymentId] : [],
  );
  return [...new Set(ids)].map((id) => `deployment:${id}`);
}

function newRow(row: LaneRow, state: LaneState, deployment: LaneDeployment) {
  return {
    id: deployment.id,
    team_id: state.teamId,
    lane_id: row.laneId,
    service_id: state.serviceId,
    environment_id: row.environmentId,
    release_id: deployment.release.releaseId,
    status: deployment.status,
    requested_by: json(deployment.requestedBy),
    binding: deployment.binding,
    settings: json(row.settings),
    entered_at: deployment.enteredAt,
  } as const;
}
