import { Injectable } from '@nestjs/common';
import { Ids } from '../../platform/clock/clock.port.ts';
import { json } from '../../platform/db/database.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import type { PushDelivery } from '../planning/index.ts';
import type { OpenedHook } from './open-hook.ts';

export interface NewDelivery {
  /** Id that the sender gave the delivery. It is not signed, so it only saves work; `contentKey` is what cannot be varied. */
  readonly key: string;
  readonly contentKey: string;
  readonly push: PushDelivery;
}

export type StoredDelivery = { readonly kind: 'stored' | 'duplicate'; readonly deliveryId: string };

/** Keeps a delivery together with the message that has it planned; the caller answers only after the commit (F01, F02). */
@Injectable()
export class StoreDelivery {
  readonly #transactions: Transactions;
  readonly #outbox: Outbox;
  readonly #ids: Ids;
  constructor(transactions: Transactions, outbox: Outbox, ids: Ids) {
    this.#transactions = transactions;
    this.#outbox = outbox;
    this.#ids = ids;
  }

  async store(hook: OpenedHook, delivery: NewDelivery): Promise<StoredDelivery> {
    const stored = await this.#transactions.run(async (unit) => {
      const answer = await this.#storeOnce(unit, hook, delivery);
      if (answer.kind === 'stored') await this.#outbox.add(unit, 'plan-delivery', { deliveryId: answer.deliveryId });
      await failpoint('webhook:before-commit');
      return answer;
    });
    await failpoint('webhook:after-commit');
    return stored;
  }

  async #storeOnce(unit: Unit, hook: OpenedHook, { key, contentKey, push }: NewDelivery): Promise<StoredDelivery> {
    const of = unit.tx
      .selectFrom('deliveries')
      .select(['id', 'status', 'delivery_key', 'content_key'])
      .where('hook_id', '=', hook.id);
    // Only the newest of the ref counts: a branch may be set back and forward again with the very same payload.
    const newestOfRef = unit.tx
      .selectFrom('deliveries')
      .select('id')
      .where('hook_id', '=', hook.id)
      .where('ref', '=', push.ref)
      .orderBy('id', 'desc')
      .limit(1);
    const rows = await of.where((eb) => eb.or([eb('delivery_key', '=', key), eb('id', '=', newestOfRef)])).execute();
    const known = rows.find((row) => row.delivery_key === key);
    if (known) return this.#again(unit, known, contentKey);
    const same = rows.find((row) => row.content_key === contentKey && row.status !== 'failed');
    if (same) return { kind: 'duplicate', deliveryId: same.id };
    const id = this.#ids.next();
    const made = await unit.tx
      .insertInto('deliveries')
      .values({
        id,
        team_id: hook.teamId,
        hook_id: hook.id,
        repository_id: hook.repositoryId,
        delivery_key: key,
        event: 'push',
        ref: push.ref,
        content_key: contentKey,
        payload: json(push),
      })
      .onConflict((clash) => clash.columns(['hook_id', 'delivery_key']).doNothing())
      .returning('id')
      .executeTakeFirst();
    if (made) return { kind: 'stored', deliveryId: id };
    // Another request with this id was faster and has committed by now.
    const winner = await of.where('delivery_key', '=', key).executeTakeFirstOrThrow();
    return { kind: 'duplicate', deliveryId: winner.id };
  }

  /** The forge's "redeliver" keeps the id: after a failure it is a person's wish to have it planned after all. */
  async #again(unit: Unit, known: { id: string; content_key: string }, contentKey: string): Promise<StoredDelivery> {
    const reopened =
      known.content_key === contentKey
        ? await unit.tx
            .updateTable('deliveries')
            .set({ status: 'received', tries: 0, outcome: null })
            .where('id', '=', known.id)
            .where('status', '=', 'failed')
            .returning('id')
            .executeTakeFirst()
        : undefined;
    return { kind: reopened ? 'stored' : 'duplicate', deliveryId: known.id };
  }
}
