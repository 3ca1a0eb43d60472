import { Injectable, Logger } from '@nestjs/common';
import { Kysely } from 'kysely';
import { Clock } from '../../platform/clock/clock.port.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { RunStore } from './run-store.ts';

const SWEEP_MS = 1_000;
const AT_ONCE = 200;

/**
 * Moves runs that only wait for time: a pause before a retry, the limit of a stage. The moment stands in the run's row, so
 * no message can lose it, and a replica that comes up later catches up; two replicas wake a run once.
 */
@Injectable()
export class WakeRuns {
  readonly #log = new Logger('runs');
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #clock: Clock;
  readonly #runs: RunStore;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<unknown> | undefined;
  constructor(db: Kysely<Tables>, transactions: Transactions, clock: Clock, runs: RunStore) {
    this.#db = db;
    this.#transactions = transactions;
    this.#clock = clock;
    this.#runs = runs;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.sweep()
        .catch((error: unknown) => this.#log.error({ err: error }, 'waking runs failed; the next sweep tries again'))
        .finally(() => (this.#running = undefined));
    }, SWEEP_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** The number of runs that were due. One that fails does not keep the others asleep. */
  async sweep(): Promise<number> {
    const due = await this.#db
      .selectFrom('runs')
      .select('id')
      .where('wake_at', '<=', this.#clock.now())
      .orderBy('wake_at')
      .limit(AT_ONCE)
      .execute();
    for (const { id } of due) {
      try {
        await this.#transactions.run((unit) => this.#runs.apply(unit, id, { type: 'wake' }));
      } catch (error) {
        this.#log.error({ err: error, runId: id }, 'a run could not be woken; the next sweep tries again');
      }
    }
    return due.length;
  }
}
