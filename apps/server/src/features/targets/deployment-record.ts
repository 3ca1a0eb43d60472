import { Inject, Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { Clock } from '../../platform/clock/clock.port.ts';
import { json, type Db } from '../../platform/db/database.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { LaneStore, bindToSettings, findLane } from '../lanes/index.ts';
import { ClaimLostError, type DeploymentClaim } from './deployment-claims.ts';
import type { DeploymentIntent, TargetCursor, TargetOutcome, TargetReason } from './target.port.ts';

export interface DeploymentFacts extends Omit<DeploymentIntent, 'v' | 'kind' | 'deploymentId' | 'settings'> {
  readonly id: string;
  readonly laneId: string;
  readonly status: string;
  /** Environment settings as they were approved. */
  readonly settings: Record<string, unknown>;
  readonly intent: DeploymentIntent | null;
  readonly cursor: TargetCursor | null;
}

/** Reads and writes what driving knows of a deployment. Every write proves the claim in its own transaction. */
@Injectable()
export class DeploymentRecord {
  readonly #db: Db;
  readonly #transactions: Transactions;
  readonly #outbox: Outbox;
  readonly #lanes: LaneStore;
  readonly #clock: Clock;
  constructor(@Inject(Kysely) db: Db, transactions: Transactions, outbox: Outbox, lanes: LaneStore, clock: Clock) {
    this.#db = db;
    this.#transactions = transactions;
    this.#outbox = outbox;
    this.#lanes = lanes;
    this.#clock = clock;
  }

  async read(deploymentId: string): Promise<DeploymentFacts> {
    const row = await this.#db
      .selectFrom('deployments')
      .innerJoin('releases', 'releases.id', 'deployments.release_id')
      .innerJoin('services', 'services.id', 'deployments.service_id')
      .innerJoin('environments', 'environments.id', 'deployments.environment_id')
      .select([
        'deployments.id',
        'lane_id',
        'status',
        'deployments.team_id',
        'deployments.service_id',
        'deployments.environment_id',
      ])
      .select(['services.slug', 'environments.name', 'run_number', 'commit', 'repository', 'digest'])
      .select(['deployments.settings', 'intent', 'cursor'])
      .where('deployments.id', '=', deploymentId)
      .executeTakeFirstOrThrow();
    return {
      id: row.id,
      laneId: row.lane_id,
      status: row.status,
      teamId: row.team_id,
      serviceId: row.service_id,
      environmentId: row.environment_id,
      service: row.slug,
      environment: row.name,
      runNumber: row.run_number,
      commit: row.commit,
      repository: row.repository,
      digest: row.digest,
      settings: row.settings,
      intent: row.intent as DeploymentIntent | null,
      cursor: row.cursor as TargetCursor | null,
    };
  }

  /** Throws ClaimLostError. `text` is one sentence for the person who watches. */
  async save(
    claim: DeploymentClaim,
    change: { readonly intent?: DeploymentIntent; readonly cursor?: TargetCursor; readonly text?: string },
  ): Promise<void> {
    await this.#transactions.run(async (unit) => {
      const { numUpdatedRows } = await unit.tx
        .updateTable('deployments')
        .set({
          ...(change.intent && { intent: json(change.intent) }),
          ...(change.cursor && { cursor: json(change.cursor) }),
          ...(change.text !== undefined && { target_events: this.#appended(change.text) }),
        })
        .where('id', '=', claim.deploymentId)
        .where('holder', '=', claim.holder)
        .where('holder_until', '>', sql<Date>`now()`)
        .executeTakeFirst();
      if (numUpdatedRows !== 1n) throw new ClaimLostError(`the claim on deployment ${claim.deploymentId} ended`);
      if (change.text !== undefined)
        await this.#outbox.add(unit, 'changed', { topics: [`deployment:${claim.deploymentId}`] });
    });
  }

  /** The deployment's end and the lane's next step, in one transaction; the claim ends with it. */
  async end(
    claim: DeploymentClaim,
    { laneId }: DeploymentFacts,
    end: {
      readonly cursor: TargetCursor;
      readonly outcome: TargetOutcome;
      readonly reason: TargetReason | null;
      readonly text: string;
    },
  ): Promise<void> {
    await this.#transactions.run(async (unit) => {
      await claim.ensureHeldIn(unit.tx);
      const { deploymentId } = claim;
      const { outcome, reason } = end;
      // The end may start the next release that waits: under the settings of now, not of then.
      await bindToSettings(unit, this.#lanes, laneId);
      await this.#lanes.apply(unit, await laneOf(unit, laneId), {
        type: 'deployment-ended',
        deploymentId,
        outcome,
        ...(reason && { reason }),
      });
      await unit.tx
        .updateTable('deployments')
        .set({ cursor: json(end.cursor), target_events: this.#appended(end.text) })
        .where('id', '=', deploymentId)
        .execute();
      await failpoint('deploy:before-end');
    });
    await failpoint('deploy:after-end');
  }

  /** The lane stays held; looking goes on. */
  async markUnknown(claim: DeploymentClaim, { laneId }: DeploymentFacts, reason: TargetReason): Promise<void> {
    await this.#transactions.run(async (unit) => {
      await claim.ensureHeldIn(unit.tx);
      const { deploymentId } = claim;
      const applied = await this.#lanes.apply(unit, await laneOf(unit, laneId), {
        type: 'deployment-unknown',
        deploymentId,
        reason,
      });
      if (applied.kind !== 'accepted') return;
      await unit.tx
        .updateTable('deployments')
        .set({ target_events: this.#appended(reason.message) })
        .where('id', '=', deploymentId)
        .execute();
      await failpoint('deploy:before-unknown');
    });
    await failpoint('deploy:after-unknown');
  }

  #appended(text: string) {
    return sql<string>`target_events || ${json([{ at: this.#clock.now().toISOString(), text }])}::jsonb`;
  }
}

async function laneOf(unit: Unit, laneId: string) {
  const lane = await findLane(unit.tx, laneId);
  if (!lane) throw new Error(`lane ${laneId} does not exist`);
  return lane;
}
