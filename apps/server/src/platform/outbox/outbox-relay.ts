import { sql } from 'kysely';
import type { Db } from '../db/database.ts';
import { failpoint } from '../failpoints/failpoints.ts';
import { OUTBOX_TOPICS, type OutboxTopic } from './messages.ts';
import type { OutboxSignal } from './outbox-signal.ts';
import type { RegisteredHandlers } from './registered-handlers.ts';

export interface OutboxRelayOptions {
  /** Messages of one topic carried out at once; a slow topic never holds up another. Default 4. */
  readonly perTopic?: number;
  /** How often the table is looked at without a wake-up. Default 1,000. */
  readonly sweepMs?: number;
  /** A claim ends by itself after this time, so that the messages of a killed process are taken over. Default 6,000; renewed thrice as often. */
  readonly claimMs?: number;
  /** Pause after the first failure; doubled with each further one, up to a minute. Default 500. */
  readonly retryMs?: number;
  readonly topics?: readonly OutboxTopic[];
  readonly onError?: (error: Error, where: string) => void;
}

interface Claimed {
  readonly id: number;
  readonly topic: string;
  readonly payload: unknown;
  readonly tries: number;
}

const RETRY_LIMIT_MS = 60_000;
/** Most messages of one topic that are carried out together. */
const TOGETHER = 500;

/** Messages that one call of a handler carries out; it succeeds or fails for all of them. */
interface Load {
  readonly topic: string;
  readonly messages: readonly Claimed[];
}

/**
 * Carries committed messages to their handlers, at least once, in no particular order. A row is claimed by its state
 * (`available_at` put into the future), never by a cursor over ids, which would miss rows that commit late (P11). Any
 * number of replicas may run it. No transaction is open while a handler works.
 */
export class OutboxRelay {
  readonly #db: Db;
  readonly #handlers: RegisteredHandlers;
  readonly #options: Required<OutboxRelayOptions>;
  readonly #running = new Map<Load, Promise<void>>();
  #timers: NodeJS.Timeout[] = [];
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #stopped = true;

  constructor(db: Db, signal: OutboxSignal, handlers: RegisteredHandlers, options: OutboxRelayOptions = {}) {
    this.#db = db;
    this.#handlers = handlers;
    this.#options = {
      perTopic: 4,
      sweepMs: 1_000,
      claimMs: 6_000,
      retryMs: 500,
      topics: OUTBOX_TOPICS,
      onError: () => undefined,
      ...options,
    };
    signal.listen(() => this.look());
  }

  /** Throws when a topic has no handler. */
  start(): void {
    this.#handlers.verify(this.#options.topics);
    this.#stopped = false;
    this.#timers = [
      setInterval(() => this.look(), this.#options.sweepMs),
      setInterval(() => void this.#renewClaims(), this.#options.claimMs / 3),
    ];
    for (const timer of this.#timers) timer.unref();
    this.look();
  }

  /** Claims nothing more and waits for the handlers that run. */
  async stop(limitMs = 10_000): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    const ended = (async () => {
      await this.#looking;
      await Promise.all(this.#running.values());
    })();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([ended, new Promise<void>((resolve) => (timer = setTimeout(resolve, limitMs)))]);
    clearTimeout(timer);
  }

  /** Looks now; calls during a look lead to one more look after it. */
  look(): void {
    if (this.#stopped) return;
    this.#lookAgain = true;
    this.#looking ??= this.#lookWhileAsked().finally(() => (this.#looking = undefined));
  }

  async #lookWhileAsked(): Promise<void> {
    while (this.#lookAgain && !this.#stopped) {
      this.#lookAgain = false;
      try {
        for (const load of this.#loads(await this.#claim())) this.#carryOut(load);
      } catch (error) {
        this.#options.onError(error as Error, 'outbox');
      }
    }
  }

  async #claim(): Promise<Claimed[]> {
    const rooms = this.#rooms();
    if (rooms.length === 0) return [];
    const [open, room] = [rooms.map(({ topic }) => topic), rooms.map(({ free }) => free)];
    const { rows } = await sql<Claimed>`
      with open as (select * from unnest(${open}::text[], ${room}::int[]) as open(topic, room)),
      claimed as (
        select message.id from open cross join lateral (
          select id from outbox where outbox.topic = open.topic and available_at <= now()
          order by available_at, id limit open.room for update skip locked) as message)
      update outbox set available_at = now() + ${this.#options.claimMs} * interval '1 millisecond', tries = tries + 1
      where id in (select id from claimed) returning id, topic, payload, tries`.execute(this.#db);
    return rows;
  }

  #rooms(): { readonly topic: string; readonly free: number }[] {
    const busy = new Map<string, number>();
    for (const { topic } of this.#running.keys()) busy.set(topic, (busy.get(topic) ?? 0) + 1);
    return this.#handlers
      .topics()
      .map((topic) => {
        const places = Math.min(this.#options.perTopic, this.#handlers.placesOf(topic));
        return { topic, free: places - (busy.get(topic) ?? 0) };
      })
      .filter(({ free }) => free > 0)
      .map(({ topic, free }) => ({ topic, free: this.#handlers.handlerOf(topic)!.together ? TOGETHER : free }));
  }

  #loads(claimed: readonly Claimed[]): Load[] {
    const loads: Load[] = [];
    for (const [topic, messages = []] of Map.groupBy(claimed, (message) => message.topic)) {
      if (this.#handlers.handlerOf(topic)!.together) loads.push({ topic, messages });
      else for (const message of messages) loads.push({ topic, messages: [message] });
    }
    return loads;
  }

  #carryOut(load: Load): void {
    const done = this.#handle(load).finally(() => {
      this.#running.delete(load);
      this.look();
    });
    this.#running.set(load, done);
  }

  async #handle({ topic, messages }: Load): Promise<void> {
    const ids = messages.map(({ id }) => id);
    try {
      await failpoint('outbox:before-handler');
      await this.#handlers.handlerOf(topic)!.carryOut(messages.map(({ payload }) => payload));
      await failpoint('outbox:after-handler');
      await this.#db.deleteFrom('outbox').where('id', 'in', ids).execute();
    } catch (error) {
      for (const { id, tries } of messages) {
        this.#options.onError(error as Error, `outbox topic ${topic}, message ${id}, try ${tries}`);
        await this.#putBack(id, tries, error as Error).catch((failed: unknown) =>
          this.#options.onError(failed as Error, 'outbox'),
        );
      }
    }
  }

  /** Should this fail too, the claim ends by itself. */
  async #putBack(id: number, tries: number, error: Error): Promise<void> {
    const pause = Math.min(this.#options.retryMs * 2 ** Math.min(tries - 1, 20), RETRY_LIMIT_MS);
    await this.#db
      .updateTable('outbox')
      .set({
        available_at: sql<Date>`now() + ${pause} * interval '1 millisecond'`,
        last_error: `${error.name}: ${error.message}`.slice(0, 1_000),
      })
      .where('id', '=', id)
      .where('tries', '=', tries)
      .execute();
  }

  async #renewClaims(): Promise<void> {
    const ids = [...this.#running.keys()].flatMap(({ messages }) => messages.map(({ id }) => id));
    if (ids.length === 0) return;
    await this.#db
      .updateTable('outbox')
      .set({ available_at: sql<Date>`now() + ${this.#options.claimMs} * interval '1 millisecond'` })
      .where('id', 'in', ids)
      .execute()
      .catch((error: unknown) => this.#options.onError(error as Error, 'outbox'));
  }
}
