import { json } from '../db/database.ts';
import type { Unit } from '../db/transactions.ts';
import type { OutboxMessages, OutboxTopic } from './messages.ts';

/** Wakes the relay; the row is the truth, the wake-up only saves waiting for the next sweep. */
export abstract class OutboxWaker {
  abstract wake(): void;
}

/** Messages written in the transaction that makes them true. */
export class Outbox {
  readonly #waker: OutboxWaker;
  constructor(waker: OutboxWaker) {
    this.#waker = waker;
  }

  async add<T extends OutboxTopic>(unit: Unit, topic: T, payload: OutboxMessages[T]): Promise<void> {
    await unit.tx
      .insertInto('outbox')
      .values({ topic, payload: json(payload) })
      .execute();
    unit.afterCommit(() => this.#waker.wake());
  }
}

/** A feature registers the one handler of each of its topics at start; the relay refuses to start when one is missing or doubled. */
export abstract class OutboxHandlers {
  abstract on<T extends OutboxTopic>(topic: T, handler: (payload: OutboxMessages[T]) => Promise<void>): void;
}
