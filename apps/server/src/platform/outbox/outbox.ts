import { json } from '../db/database.ts';
import type { Unit } from '../db/transactions.ts';
import type { OutboxMessages, OutboxTopic } from './messages.ts';

/** Wakes the relay; the row is the truth, the wake-up only saves waiting for the next sweep. */
export abstract class OutboxWaker {
  abstract wake(): void;
}

/** A message as its row holds it, for statements that write several things at once; see `Outbox.wake`. */
export interface OutboxMessage {
  readonly topic: OutboxTopic;
  /** JSON. */
  readonly payload: string;
}

export function message<T extends OutboxTopic>(topic: T, payload: OutboxMessages[T]): OutboxMessage {
  return { topic, payload: json(payload) };
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

  /** After the commit of messages that were written by other means than `add`, and when a limit leaves room again. */
  wake(): void {
    this.#waker.wake();
  }
}

/** A feature registers the one handler of each of its topics at start; the relay refuses to start when one is missing or doubled. */
export abstract class OutboxHandlers {
  abstract on<T extends OutboxTopic>(topic: T, handler: (payload: OutboxMessages[T]) => Promise<void>): void;
  /** For messages that can be carried out together: gets all that wait, up to some hundreds. */
  abstract onMany<T extends OutboxTopic>(
    topic: T,
    handler: (payloads: readonly OutboxMessages[T][]) => Promise<void>,
  ): void;
  /**
   * How many messages of a topic this process may carry out at once, asked at every look; fewer than the relay's own
   * number count. Whoever gives 0 wakes the outbox when there is room again.
   */
  abstract limit(topic: OutboxTopic, places: () => number): void;
}
