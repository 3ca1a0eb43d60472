import { Worker } from 'node:worker_threads';
import type { LeaseKey, RunnerApi } from '../server/runner-api.ts';
import type { KeepMessage, RenewalNews, RenewalOrder } from './renewal-messages.ts';

export interface LeaseWatch {
  /** The server wants the attempt ended; told once. */
  readonly onCancel: () => void;
  /** Someone else holds the attempt by now; told once, and no call is made afterwards. */
  readonly onLost: () => void;
  readonly onTrouble: (message: string) => void;
}

/** The same file beside this one, as source or as built. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? './renewal-worker.ts' : './renewal-worker.js',
  import.meta.url,
);

/**
 * Renews leases on a thread of its own, whatever the jobs do meanwhile: a process that is busy with a large log, or stands still in a long
 * computation, does not lose what it holds. The thread begins with the first lease; should it end, another goes on.
 */
export class RenewalThread {
  readonly #api: Pick<RunnerApi, 'base' | 'token'>;
  readonly #held = new Map<number, { readonly message: KeepMessage; readonly watch: LeaseWatch }>();
  #worker: Worker | undefined;
  #nextId = 1;
  #closed = false;

  constructor(api: Pick<RunnerApi, 'base' | 'token'>) {
    this.#api = api;
  }

  /** Renews until it is disposed. */
  keep(lease: LeaseKey, renewSeconds: number, watch: LeaseWatch): Disposable {
    const { base, token } = this.#api;
    const id = this.#nextId++;
    const { attemptId, epoch } = lease;
    const message = {
      kind: 'keep',
      id,
      lease: { attemptId, epoch },
      everyMs: renewSeconds * 1000,
      base,
      token,
    } as const;
    this.#held.set(id, { message, watch });
    this.#send(message);
    return {
      [Symbol.dispose]: () => {
        this.#held.delete(id);
        this.#send({ kind: 'drop', id });
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#worker?.terminate();
  }

  #send(order: RenewalOrder): void {
    if (this.#closed) return;
    this.#worker ??= this.#start();
    this.#worker.postMessage(order);
  }

  #start(): Worker {
    const worker = new Worker(WORKER, { resourceLimits: { maxYoungGenerationSizeMb: 4 } });
    worker.unref();
    worker.on('message', (news: RenewalNews) => this.#hear(news));
    worker.on('error', (error: Error) => {
      for (const { watch } of this.#held.values()) watch.onTrouble(error.message);
    });
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
      for (const { message } of this.#held.values()) this.#send(message);
    });
    return worker;
  }

  #hear(news: RenewalNews): void {
    const watch = this.#held.get(news.id)?.watch;
    if (news.kind === 'trouble') watch?.onTrouble(news.message);
    else if (news.kind === 'lost') watch?.onLost();
    else watch?.onCancel();
  }
}
