import { Injectable } from '@nestjs/common';
import { choosePool } from '@sluice/engine';
import type { Unit } from '../../platform/db/transactions.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';

/** Gives queued attempts that found no fitting pool one that exists by now. Called when pools change and by the reconciler. */
@Injectable()
export class AssignPools {
  readonly #outbox: Outbox;
  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  async assign(unit: Unit): Promise<number> {
    const homeless = await unit.tx
      .selectFrom('attempts')
      .select(['id', 'team_id', 'trust', 'labels'])
      .where('status', '=', 'queued')
      .where('pool_id', 'is', null)
      .limit(1000)
      .forUpdate()
      .skipLocked()
      .execute();
    if (homeless.length === 0) return 0;
    const pools = (
      await unit.tx.selectFrom('pools').select(['id', 'team_id', 'trust', 'labels']).orderBy('name').execute()
    ).map((row) => ({ poolId: row.id, teamId: row.team_id, trust: row.trust, labels: row.labels }));
    const found = new Set<string>();
    for (const attempt of homeless) {
      const pool = choosePool(
        pools.filter((candidate) => candidate.teamId === null || candidate.teamId === attempt.team_id),
        { teamId: attempt.team_id, trust: attempt.trust, labels: attempt.labels },
      );
      if (!pool) continue;
      await unit.tx.updateTable('attempts').set({ pool_id: pool.poolId }).where('id', '=', attempt.id).execute();
      found.add(pool.poolId);
    }
    for (const poolId of found) await this.#outbox.add(unit, 'look-at-pool', { poolId });
    return found.size;
  }
}
