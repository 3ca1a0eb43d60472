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
    const of = unit.tx.selectFrom('deliveries').select(['id', 'status', 'content_key']).where('hook_id', '=', hook.id);
    const known = await of.where('delivery_key', '=', key).forUpdate().executeTakeFirst();
    // The forge's "redeliver" keeps the id: after a failure it is a person's wish to have it planned after all.
    if (known) return known.status === 'failed' && known.content_key === contentKey ? this.#reopen(unit, known.id) : { kind: 'duplicate', deliveryId: known.id };
    // Only the newest of the ref counts: a branch may be set back and forward again with the very same payload.
    const newest = await of.where('ref', '=', push.ref).orderBy('id', 'desc').limit(1).executeTakeFirst();
    if (newest?.content_key === contentKey && newest.status !== 'failed') return { kind: 'duplicate', deliveryId: newest.id };
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

  async #reopen(unit: Unit, id: string): Promise<StoredDelivery> {
    await unit.tx.updateTable('deliveries').set({ status: 'received', tries: 0, outcome: null }).where('id', '=', id).execute();
    return { kind: 'stored', deliveryId: id };
  }
}
