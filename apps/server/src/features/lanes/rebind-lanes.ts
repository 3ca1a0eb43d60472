import { Injectable } from '@nestjs/common';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import type { OutboxMessages } from '../../platform/outbox/messages.ts';
import { bindingOf, laneSettings } from './lane-settings.ts';
import { LaneStore } from './lane-store.ts';
import { rightsNow } from './rights-now.ts';
import { withdrawCalledOff } from './withdraw-called-off.ts';

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
    for (const { id } of laneIds) await this.#transactions.run((unit) => bindToSettings(unit, this.#lanes, id));
  }
}

/**
 * Brings a lane to its environment's settings, its approvers' rights and its runs' cancels of this moment, and locks it. The
 * messages may be late: whoever decides by the gate calls this first, so that nothing passes by a rule that has been
 * replaced, by the word of somebody who may not give it any more, or for a run that was called off.
 */
export async function bindToSettings(unit: Unit, lanes: LaneStore, laneId: string): Promise<void> {
  const lane = await unit.tx
    .selectFrom('lanes')
    .select(['state', 'environment_id'])
    .where('id', '=', laneId)
    .forUpdate()
    .executeTakeFirstOrThrow();
  const environment = await unit.tx
    .selectFrom('environments')
    .select(['settings', 'settings_hash'])
    .where('id', '=', lane.environment_id)
    .executeTakeFirstOrThrow();
  const row = { laneId, environmentId: lane.environment_id, settings: environment.settings };
  const waiting = lane.state.open.filter(({ status }) => status === 'waiting');
  const approved = waiting.flatMap(({ approvals }) => approvals.map(({ userId }) => userId));
  // First of all: what follows may start what waits.
  if (approved.length > 0)
    await lanes.apply(unit, row, { type: 'recheck-approvers', people: await rightsNow(unit, laneId, approved) });
  await withdrawCalledOff(unit, lanes, row, lane.state);
  const settings = laneSettings(environment);
  const bindings = Object.fromEntries(
    lane.state.open.map(({ id, release }) => [
      id,
      bindingOf({ digest: release.image.digest, planHash: release.planHash }, settings.settingsHash),
    ]),
  );
  await lanes.apply(unit, row, { type: 'change-settings', settings, bindings });
}
