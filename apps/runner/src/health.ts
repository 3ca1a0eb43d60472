import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Executor } from './executor/executor.port.ts';
import type { Fitness } from './fitness.ts';

/**
 * Whether the executor keeps its word. After a removal that failed the runner takes no more work (F63) until a sweep finds
 * nothing left; a sweep also runs from time to time, so nothing of an ended attempt stays for long (I31).
 */
export class ExecutorHealth {
  readonly #executor: Executor;
  readonly #isActive: (attemptId: string) => boolean;
  readonly #logger: Logger;
  readonly #sweepEveryMs: number;
  readonly #fitness: Fitness;
  #wake = new AbortController();

  constructor(
    executor: Executor,
    isActive: (attemptId: string) => boolean,
    fitness: Fitness,
    logger: Logger,
    sweepEveryMs: number,
  ) {
    this.#fitness = fitness;
    this.#executor = executor;
    this.#isActive = isActive;
    this.#logger = logger;
    this.#sweepEveryMs = sweepEveryMs;
  }

  markUnhealthy(error: unknown): void {
    const what = 'Something of an ended attempt cannot be removed';
    this.#logger.error({ err: error }, `${what}: no more work is taken until it is gone`);
    this.#fitness.set('executor', `${what}: ${error instanceof Error ? error.message : String(error)}`);
    this.#wake.abort();
  }

  /** Sweeps now and then until the signal comes. The first sweep is the boot sweep. */
  async keepClean(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      failures = (await this.#sweep()) ? 0 : failures + 1;
      this.#wake = new AbortController();
      const wait =
        failures === 0 ? this.#sweepEveryMs : Math.min(this.#sweepEveryMs, 1000 * 2 ** Math.min(failures, 5));
      await pause(wait, undefined, { signal: AbortSignal.any([signal, this.#wake.signal]) }).catch(() => undefined);
    }
  }

  async #sweep(): Promise<boolean> {
    try {
      const left = await this.#executor.sweep(this.#isActive);
      if (left > 0)
        throw new Error(`${left} containers, networks, volumes or processes of ended attempts are still there`);
      this.#fitness.clear('executor');
      return true;
    } catch (error) {
      this.markUnhealthy(error);
      return false;
    }
  }
}
