import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Executor } from './executor/executor.port.ts';

/**
 * Whether the executor keeps its word. After a removal that failed the runner takes no more work (F63) until a sweep finds
 * nothing left; a sweep also runs from time to time, so nothing of an ended attempt stays for long (I31).
 */
export class ExecutorHealth {
  readonly #executor: Executor;
  readonly #isActive: (attemptId: string) => boolean;
  readonly #logger: Logger;
  readonly #sweepEveryMs: number;
  #healthy: Promise<void> = Promise.resolve();
  #isHealthy = true;
  #becomeHealthy: () => void = () => undefined;
  #wake = new AbortController();
  #unhealthy = new AbortController();

  constructor(executor: Executor, isActive: (attemptId: string) => boolean, logger: Logger, sweepEveryMs: number) {
    this.#executor = executor;
    this.#isActive = isActive;
    this.#logger = logger;
    this.#sweepEveryMs = sweepEveryMs;
  }

  get isHealthy(): boolean {
    return this.#isHealthy;
  }

  /** Aborted when no more work may be taken, also by a poll that is under way; a new one for each healthy time. */
  readonly unhealthySignal = (): AbortSignal => this.#unhealthy.signal;

  /** Kept as soon as work may be taken. */
  readonly whenHealthy = (): Promise<void> => this.#healthy;

  markUnhealthy(error: unknown): void {
    this.#logger.error(
      { err: error },
      'something of an ended attempt could not be removed: no more work is taken until it is gone',
    );
    if (this.#isHealthy) this.#healthy = new Promise((resolve) => (this.#becomeHealthy = resolve));
    this.#isHealthy = false;
    this.#unhealthy.abort();
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
      if (left > 0) throw new Error(`${left} containers, networks or volumes of ended attempts are still there`);
      if (!this.#isHealthy) this.#unhealthy = new AbortController();
      this.#isHealthy = true;
      this.#becomeHealthy();
      return true;
    } catch (error) {
      if (this.#isHealthy) this.markUnhealthy(error);
      return false;
    }
  }
}
