import { Injectable } from '@nestjs/common';
import { Transactions } from '../../platform/db/transactions.ts';
import type { OutboxMessages } from '../../platform/outbox/messages.ts';
import { bindingOf, laneSettings } from './lane-settings.ts';
import { LaneStore } from './lane-store.ts';

/** Handler of `rebind-lanes`: new settings of an environment reach its lanes and void approvals given under the old ones (I17). */
@Injectable()
export class RebindLanes {
  readonly #transactions: Transactions;
  readonly #lanes: LaneStore;
  constructor(transactions: Transactions, lanes: LaneStore) {
    this.#transactions = transactions;
    this.#lanes = lanes;
  }

  async rebind({ environmentId }: OutboxMessages['rebind-lanes']): Promise<void> {
    const laneIds = await this.#transactions.run((unit) =>
      unit.tx.selectFrom('lanes').select('id').where('environment_id', '=', environmentId).execute(),
    );
    for (const { id } of laneIds) await this.#rebindOne(id, environmentId);
  }

  async #rebindOne(laneId: string, environmentId: string): Promise<void> {
    await this.#transactions.run(async (unit) => {
      const lane = await unit.tx.selectFrom('lanes').select('state').where('id', '=', laneId).forUpdate().executeTakeFirstOrThrow();
      const environment = await unit.tx
        .selectFrom('environments')
        .select(['settings', 'settings_hash'])
        .where('id', '=', environmentId)
        .executeTakeFirstOrThrow();
      const settings = laneSettings(environment);
      const bindings = Object.fromEntries(
        lane.state.open.map(({ id, release }) => [
          id,
          bindingOf({ digest: release.image.digest, planHash: release.planHash }, settings.settingsHash),
        ]),
      );
      await this.#lanes.apply(
        unit,
        { laneId, environmentId, settings: environment.settings },
        { type: 'change-settings', settings, bindings },
      );
    });
  }
}
