import { Injectable, Logger } from '@nestjs/common';
import { sql } from 'kysely';
import { nextTick } from '@sluice/pipeline-spec';
import { Transactions } from '../../platform/db/transactions.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';

const SWEEP_MS = 1_000;
const AT_ONCE = 100;

interface Due {
  readonly id: string;
  readonly cron: string;
  readonly timezone: string;
  readonly next_at: Date;
  readonly now: Date;
}

/**
 * Looks once a second for schedules whose time has come, by the clock of the database alone (F26). The row moves on to its next
 * time in the transaction that orders the run, so of several replicas one orders it, and times that passed while no server ran
 * are one order.
 */
@Injectable()
export class FireSchedules {
  readonly #log = new Logger('schedules');
  readonly #transactions: Transactions;
  readonly #outbox: Outbox;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<unknown> | undefined;
  constructor(transactions: Transactions, outbox: Outbox) {
    this.#transactions = transactions;
    this.#outbox = outbox;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.sweep()
        .catch((error: unknown) =>
          this.#log.error({ err: error }, 'schedules could not be looked at; the next sweep tries again'),
        )
        .finally(() => (this.#running = undefined));
    }, SWEEP_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** The number of runs that were ordered. */
  async sweep(): Promise<number> {
    return this.#transactions.run(async (unit) => {
      const { rows } = await sql<Due>`
        select id, cron, timezone, next_at, now() as now from schedules where next_at <= now()
        order by next_at limit ${AT_ONCE} for update skip locked`.execute(unit.tx);
      for (const { id, cron, timezone, next_at: at, now } of rows) {
        await unit.tx
          .updateTable('schedules')
          .set({ next_at: nextTick({ cron, timezone }, now) ?? null, last_at: at })
          .where('id', '=', id)
          .execute();
        await this.#outbox.add(unit, 'start-scheduled', {
          scheduleId: id,
          at: at.toISOString(),
          since: now.toISOString(),
        });
      }
      return rows.length;
    });
  }
}
