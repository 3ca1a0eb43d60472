import { OUTBOX_TOPICS, type OutboxMessages, type OutboxTopic } from './messages.ts';
import { OutboxHandlers } from './outbox.ts';

interface Handler {
  readonly together: boolean;
  carryOut(payloads: readonly unknown[]): Promise<void>;
}

/** Collects handlers while the application starts. */
export class RegisteredHandlers extends OutboxHandlers {
  readonly #handlers = new Map<string, Handler>();
  readonly #limits = new Map<string, () => number>();

  override on<T extends OutboxTopic>(topic: T, handler: (payload: OutboxMessages[T]) => Promise<void>): void {
    this.#register(topic, {
      together: false,
      carryOut: async (payloads) => {
        for (const payload of payloads) await handler(payload as OutboxMessages[T]);
      },
    });
  }

  override onMany<T extends OutboxTopic>(
    topic: T,
    handler: (payloads: readonly OutboxMessages[T][]) => Promise<void>,
  ): void {
    this.#register(topic, {
      together: true,
      carryOut: (payloads) => handler(payloads as readonly OutboxMessages[T][]),
    });
  }

  override limit(topic: OutboxTopic, places: () => number): void {
    this.#limits.set(topic, places);
  }

  placesOf(topic: string): number {
    return this.#limits.get(topic)?.() ?? Number.POSITIVE_INFINITY;
  }

  /** Throws when a topic would have no one to carry it out: its messages would wait for ever. */
  verify(topics: readonly OutboxTopic[] = OUTBOX_TOPICS): void {
    const missing = topics.filter((topic) => !this.#handlers.has(topic));
    if (missing.length > 0)
      throw new Error(
        `These outbox topics have no handler: ${missing.join(', ')}. Register one with OutboxHandlers.on before the start.`,
      );
  }

  handlerOf(topic: string): Handler | undefined {
    return this.#handlers.get(topic);
  }

  topics(): string[] {
    return [...this.#handlers.keys()];
  }

  #register(topic: OutboxTopic, handler: Handler): void {
    if (this.#handlers.has(topic))
      throw new Error(`The outbox topic "${topic}" has two handlers; exactly one feature handles it.`);
    this.#handlers.set(topic, handler);
  }
}
