import { Injectable } from '@nestjs/common';
import { isHeld } from '@sluice/engine';
import type { Unit } from '../../platform/db/transactions.ts';
import { RunStates } from './run-states.ts';
import { RunStore } from './run-store.ts';

/**
 * Ends the runs of a pull request that nobody has let go: it has another head by now, or is closed. Their dedupe keys go
 * with them, so that a head that comes back is held anew.
 */
@Injectable()
export class VoidHeldRuns {
  readonly #runs: RunStore;
  readonly #states: RunStates;
  constructor(runs: RunStore, states: RunStates) {
    this.#runs = runs;
    this.#states = states;
  }

  /** `head`: of the pull request now; null = closed. The caller's transaction stands in the order of service ids. */
  async void(unit: Unit, repositoryId: string, number: number, head: string | null): Promise<void> {
    const open = await unit.tx
      .selectFrom('runs')
      .innerJoin('services', 'services.id', 'runs.service_id')
      .select(['runs.id'])
      .where('services.repository_id', '=', repositoryId)
      .where('runs.pull_request', '=', number)
      .where('runs.finished_at', 'is', null)
      .$if(head !== null, (query) => query.where('runs.commit', '<>', head!))
      .orderBy('runs.service_id')
      .orderBy('runs.id')
      .execute();
    for (const { id } of open) {
      const { version } = await unit.tx
        .selectFrom('runs')
        .select('version')
        .where('id', '=', id)
        .forUpdate()
        .executeTakeFirstOrThrow();
      const { state } = await this.#states.load(unit.tx, id, version);
      if (!isHeld(state)) continue;
      const reason =
        head === null
          ? `pull request ${number} is closed`
          : `pull request ${number} was pushed again and is at ${head.slice(0, 12)} now`;
      await this.#runs.apply(unit, id, { type: 'cancel', by: { kind: 'system', name: 'Sluice' }, reason }, version);
      await unit.tx.updateTable('runs').set({ dedupe_key: null }).where('id', '=', id).execute();
    }
  }
}
