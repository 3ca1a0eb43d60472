import type { Job } from 'bullmq';
import { WakeQueue, type WakeMessages, type WakeName } from './wake-queue.port.ts';
import type { WakeStore } from './bullmq-wake-store.ts';

export interface BullmqWakeQueueOptions {
  /** Gets every error of the store and of handlers, for the log. */
  readonly onError?: (error: Error, where: string) => void;
  /** A send returns after this time at the latest, sent or not. Default 200. */
  readonly sendLimitMs?: number;
  /** Messages handled at once per queue. Default 4. */
  readonly concurrency?: number;
  /** A worker that fetched nothing for this long although messages wait is made anew. Default 60,000; checked twice as often. */
  readonly stuckAfterMs?: number;
}

/** Never repeated by BullMQ, never kept: what failed or was lost is found again in the database. */
const JOB = { attempts: 1, removeOnComplete: true, removeOnFail: true } as const;
/** Handlers take milliseconds; a holder that died gives its message back after this time. */
const LOCK_MS = 30_000;

type StoreQueue = InstanceType<WakeStore['Queue']>;
type StoreWorker = InstanceType<WakeStore['Worker']>;

interface Consumer {
  readonly name: WakeName;
  readonly handler: (message: never) => Promise<void>;
  worker: StoreWorker;
  progressAt: number;
  /** Messages waited at the last look already and none was fetched since. */
  suspected: boolean;
}

/** One code path over both stores of BullMQ; see bullmq-wake-store.ts for what differs. */
export class BullmqWakeQueue extends WakeQueue {
  readonly #store: WakeStore;
  readonly #queues = new Map<WakeName, StoreQueue>();
  readonly #consumers = new Map<WakeName, Consumer>();
  /** Messages whose send is under way; true = the same was sent again meanwhile and goes out once more. */
  readonly #sending = new Map<string, { again: boolean; done: Promise<void> }>();
  readonly #options: Required<BullmqWakeQueueOptions>;
  readonly #watchdog: NodeJS.Timeout;
  #problem: string | null = null;
  #closed = false;

  constructor(store: WakeStore, options: BullmqWakeQueueOptions = {}) {
    super();
    this.#store = store;
    this.#options = { onError: () => undefined, sendLimitMs: 200, concurrency: 4, stuckAfterMs: 60_000, ...options };
    this.#watchdog = setInterval(() => void this.#replaceStuckWorkers(), this.#options.stuckAfterMs / 2);
    this.#watchdog.unref();
  }

  override async send<T extends WakeName>(name: T, message: WakeMessages[T]): Promise<void> {
    if (this.#closed) return;
    const key = `${name} ${JSON.stringify(message)}`;
    const running = this.#sending.get(key);
    // During an outage sends pile up in the client: equal ones are one, so the pile is bounded by distinct messages.
    if (running) running.again = true;
    const sending = running?.done ?? this.#start(key, name, message);
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#problem = `The queue store does not answer; new work is found by the regular sweeps until it does.`;
        resolve();
      }, this.#options.sendLimitMs);
    });
    await Promise.race([sending, limit]);
    clearTimeout(timer);
  }

  override async consume<T extends WakeName>(
    name: T,
    handler: (message: WakeMessages[T]) => Promise<void>,
  ): Promise<void> {
    if (this.#consumers.has(name)) throw new Error(`The queue "${name}" has a consumer in this process already.`);
    const consumer = {
      name,
      handler: handler as Consumer['handler'],
      progressAt: performance.now(),
      suspected: false,
    } as Consumer;
    consumer.worker = this.#makeWorker(consumer);
    this.#consumers.set(name, consumer);
    // An outage at start is no reason to stay down: the worker connects when the store is back.
    await withinLimit(consumer.worker.waitUntilReady(), 5_000).catch((error: unknown) =>
      this.#report(error, `consume ${name}`),
    );
  }

  override problem(): string | null {
    return this.#problem;
  }

  /** Takes no new message, lets handlers end (10 s at most), closes queues last: handlers may send. */
  override async close(): Promise<void> {
    if (this.#closed) return;
    clearInterval(this.#watchdog);
    await Promise.all([...this.#consumers.values()].map(({ worker }) => closeWorker(worker, 10_000)));
    this.#closed = true;
    await Promise.all(
      [...this.#queues.values()].map((queue) => withinLimit(queue.close(), 2_000).catch(() => undefined)),
    );
    await this.#store.close();
  }

  #start(key: string, name: WakeName, message: unknown): Promise<void> {
    const entry = { again: false, done: Promise.resolve() };
    this.#sending.set(key, entry);
    entry.done = this.#queue(name)
      .add(name, message, JOB)
      .then(
        () => void (this.#problem = null),
        (error: unknown) => {
          this.#problem = `Wake-ups cannot be sent (${(error as Error).message}); new work is found by the regular sweeps.`;
          this.#report(error, `send ${name}`);
        },
      )
      .then(() => {
        this.#sending.delete(key);
        if (entry.again && !this.#closed) void this.#start(key, name, message);
      });
    return entry.done;
  }

  #queue(name: WakeName): StoreQueue {
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = new this.#store.Queue(name, { connection: this.#store.producer, ...this.#store.options });
      queue.on('error', (error: Error) => this.#report(error, `queue ${name}`));
      this.#queues.set(name, queue);
    }
    return queue;
  }

  #makeWorker(consumer: Consumer): StoreWorker {
    const { name } = consumer;
    const worker = new this.#store.Worker(
      name,
      async (job: Job) => {
        consumer.progressAt = performance.now();
        consumer.suspected = false;
        await consumer.handler(job.data as never).catch((error: unknown) => this.#report(error, `handler of ${name}`));
      },
      {
        connection: this.#store.consumer,
        ...this.#store.options,
        concurrency: this.#options.concurrency,
        lockDuration: LOCK_MS,
        removeOnComplete: { count: 0 },
        removeOnFail: { count: 0 },
      },
    );
    // Without listeners an error ends the process or silences the worker.
    worker.on('error', (error: Error) => this.#report(error, `worker ${name}`));
    worker.on('failed', (_, error: Error) => this.#report(error, `worker ${name}`));
    worker.on('stalled', (id: string) =>
      this.#report(new Error(`message ${id} stalled and is handled again`), `worker ${name}`),
    );
    worker.on('drained', () => void (consumer.progressAt = performance.now()));
    return worker;
  }

  /** A worker can say that it runs and fetch nothing after a failover; progress is the only proof. */
  async #replaceStuckWorkers(): Promise<void> {
    for (const consumer of this.#consumers.values()) {
      if (this.#closed || performance.now() - consumer.progressAt < this.#options.stuckAfterMs) continue;
      try {
        const waiting = await withinLimit(this.#queue(consumer.name).getWaitingCount(), 2_000);
        // One look is not enough: a message may have come this very moment.
        const stuckAlready = consumer.suspected;
        consumer.suspected = waiting > 0;
        if (waiting === 0 || !stuckAlready) continue;
        this.#report(
          new Error(`${waiting} messages wait and none was fetched; the worker is made anew`),
          `worker ${consumer.name}`,
        );
        const stuck = consumer.worker;
        consumer.worker = this.#makeWorker(consumer);
        consumer.progressAt = performance.now();
        consumer.suspected = false;
        void closeWorker(stuck, 2_000);
      } catch (error) {
        this.#report(error, `watchdog of ${consumer.name}`);
      }
    }
  }

  #report(error: unknown, where: string): void {
    if (!this.#closed) this.#options.onError(error as Error, where);
  }
}

async function closeWorker(worker: StoreWorker, limitMs: number): Promise<void> {
  await withinLimit(worker.close(), limitMs).catch(() => withinLimit(worker.close(true), 1_000).catch(() => undefined));
}

async function withinLimit<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  work.catch(() => undefined);
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer of the queue store within ${limitMs} ms`)), limitMs);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(timer));
}
