import { Inject, Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { Ids } from '../../platform/clock/clock.port.ts';
import { json, type Db } from '../../platform/db/database.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import type { OutboxTopic } from '../../platform/outbox/messages.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import type { ForgeDelivery } from '../planning/index.ts';
import type { OpenedHook } from './open-hook.ts';

export interface NewDelivery {
  /** Id that the sender gave the delivery. It is not signed, so it only saves work; `contentKey` is what cannot be varied. */
  readonly key: string;
  readonly contentKey: string;
  readonly told: ForgeDelivery;
}

export type StoredDelivery = { readonly kind: 'stored' | 'duplicate'; readonly deliveryId: string };

/** Keeps a delivery together with the message that has it planned; the caller answers only after the commit (F01, F02). */
@Injectable()
export class StoreDelivery {
  readonly #db: Db;
  readonly #transactions: Transactions;
  readonly #outbox: Outbox;
  readonly #ids: Ids;
  constructor(@Inject(Kysely) db: Db, transactions: Transactions, outbox: Outbox, ids: Ids) {
    this.#db = db;
    this.#transactions = transactions;
    this.#outbox = outbox;
    this.#ids = ids;
  }

  async store(hook: OpenedHook, delivery: NewDelivery): Promise<StoredDelivery> {
    const stored = (await this.#storeNew(hook, delivery)) ?? (await this.#storeKnown(hook, delivery));
    await failpoint('webhook:after-commit');
    return stored;
  }

  /**
   * The ordinary case, a delivery never seen before, as one statement that is its own transaction: under load each
   * further round trip to the database costs more than all the work of the statement. undefined = it may be known.
   */
  async #storeNew(hook: OpenedHook, { key, contentKey, told }: NewDelivery): Promise<StoredDelivery | undefined> {
    const id = this.#ids.next();
    await failpoint('webhook:before-commit');
    const { rows } = await sql<{ id: string }>`
      with newest_of_ref as (
        select content_key, status from deliveries where hook_id = ${hook.id} and ref = ${told.ref} order by id desc limit 1),
      made as (
        insert into deliveries (id, team_id, hook_id, repository_id, delivery_key, event, ref, content_key, payload)
        select ${id}::uuid, ${hook.teamId}::uuid, ${hook.id}::uuid, ${hook.repositoryId}::uuid, ${key}, ${eventOf(told)}, ${told.ref},
          ${contentKey}, ${json(told)}::jsonb
        where not exists (select 1 from deliveries where hook_id = ${hook.id} and delivery_key = ${key})
          and not exists (select 1 from newest_of_ref where content_key = ${contentKey} and status <> 'failed')
        on conflict (hook_id, delivery_key) do nothing returning id),
      message as (
        insert into outbox (topic, payload)
        select ${'plan-delivery' satisfies OutboxTopic}, jsonb_build_object('deliveryId', id) from made)
      select id from made`.execute(this.#db);
    if (rows.length === 0) return undefined;
    this.#outbox.wake();
    return { kind: 'stored', deliveryId: id };
  }

  async #storeKnown(hook: OpenedHook, delivery: NewDelivery): Promise<StoredDelivery> {
    return this.#transactions.run(async (unit) => {
      const answer = await this.#storeOnce(unit, hook, delivery);
      if (answer.kind === 'stored') await this.#outbox.add(unit, 'plan-delivery', { deliveryId: answer.deliveryId });
      await failpoint('webhook:before-commit');
      return answer;
    });
  }

  async #storeOnce(unit: Unit, hook: OpenedHook, { key, contentKey, told }: NewDelivery): Promise<StoredDelivery> {
    const of = unit.tx
      .selectFrom('deliveries')
      .select(['id', 'status', 'delivery_key', 'content_key'])
      .where('hook_id', '=', hook.id);
    // Only the newest of the ref counts: a branch may be set back and forward again with the very same payload.
    const newestOfRef = unit.tx
      .selectFrom('deliveries')
      .select('id')
      .where('hook_id', '=', hook.id)
      .where('ref', '=', told.ref)
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
        event: eventOf(told),
        ref: told.ref,
        content_key: contentKey,
        payload: json(told),
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

function eventOf(told: ForgeDelivery): string {
  return 'kind' in told ? told.kind : 'push';
}
