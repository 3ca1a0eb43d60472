import { Injectable } from '@nestjs/common';
import type { Actor } from '@sluice/engine';
import type { Unit } from '../../platform/db/transactions.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { Audit } from '../audit/index.ts';

/** `unknown`: the team has no such service. */
export type StoredLimit = 'changed' | 'same' | 'unknown';

/** Writes limits of running jobs for the API and for the pipelines folder alike; null = none. A lower one stops nothing that runs. */
@Injectable()
export class StoreLimit {
  readonly #outbox: Outbox;
  readonly #audit: Audit;
  constructor(outbox: Outbox, audit: Audit) {
    this.#outbox = outbox;
    this.#audit = audit;
  }

  async storeTeam(
    unit: Unit,
    { teamId, team, max, actor }: { teamId: string; team: string; max: number | null; actor: Actor },
  ): Promise<StoredLimit> {
    const { max_running: before } = await unit.tx
      .selectFrom('teams')
      .select('max_running')
      .where('id', '=', teamId)
      .forUpdate()
      .executeTakeFirstOrThrow();
    if (before === max) return 'same';
    await unit.tx.updateTable('teams').set({ max_running: max }).where('id', '=', teamId).execute();
    await this.#record(unit, { teamId, actor, subject: `team:${team}`, before, max });
    return 'changed';
  }

  async storeService(
    unit: Unit,
    { teamId, service, max, actor }: { teamId: string; service: string; max: number | null; actor: Actor },
  ): Promise<StoredLimit> {
    const known = await unit.tx
      .selectFrom('services')
      .select(['id', 'max_running'])
      .where('team_id', '=', teamId)
      .where('slug', '=', service)
      .forUpdate()
      .executeTakeFirst();
    if (!known) return 'unknown';
    if (known.max_running === max) return 'same';
    await unit.tx.updateTable('services').set({ max_running: max }).where('id', '=', known.id).execute();
    await this.#record(unit, { teamId, actor, subject: `service:${service}`, before: known.max_running, max });
    return 'changed';
  }

  async #record(
    unit: Unit,
    change: { teamId: string; actor: Actor; subject: string; before: number | null; max: number | null },
  ): Promise<void> {
    const { teamId, actor, subject, before, max } = change;
    await this.#audit.record(unit, {
      teamId,
      actor,
      action: 'limit.set',
      subject,
      detail: { before, runningJobs: max },
    });
    // What waited for the old limit is looked at with the new one.
    const pools = await unit.tx
      .selectFrom('attempts')
      .select('pool_id')
      .distinct()
      .where('team_id', '=', teamId)
      .where('status', '=', 'queued')
      .execute();
    for (const { pool_id: poolId } of pools) if (poolId) await this.#outbox.add(unit, 'look-at-pool', { poolId });
    await this.#outbox.add(unit, 'changed', { topics: ['runners', 'board'] });
  }
}
