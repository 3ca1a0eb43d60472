import { Inject, Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Db } from '../../platform/db/database.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { DebugSettings } from './debug-settings.ts';
import { TIME_IS_OVER } from './keep-job.ts';
import { KeptJobRows, SLUICE } from './kept-job-rows.ts';

/** Writes down what time has ended, whether or not a runner or a person ever speaks again. May run on every replica at once. */
@Injectable()
export class EndOverdue {
  readonly #db: Db;
  readonly #transactions: Transactions;
  readonly #rows: KeptJobRows;
  readonly #settings: DebugSettings;
  /** Both by the database's clock. */
  #sweptAt: Date | undefined;
  #listensSince: Date | undefined;
  constructor(@Inject(Kysely) db: Db, transactions: Transactions, rows: KeptJobRows, settings: DebugSettings) {
    this.#db = db;
    this.#transactions = transactions;
    this.#rows = rows;
    this.#settings = settings;
  }

  async sweep(): Promise<void> {
    await this.#endKept(await this.#listening());
    await this.#closeIdle();
  }

  /** Since when this process has been there to hear runners: it may just have started, or have stood still, or had no database. */
  async #listening(): Promise<Date> {
    const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(this.#db);
    const { now } = rows[0]!;
    const gap = now.getTime() - (this.#sweptAt?.getTime() ?? 0);
    if (gap > this.#settings.stillSeconds * 1_000) this.#listensSince = now;
    this.#sweptAt = now;
    return this.#listensSince ?? now;
  }

  /** A silence in which nobody listened says nothing of a runner: one that lives speaks again soon. */
  async #endKept(listensSince: Date): Promise<void> {
    const { silentSeconds } = this.#settings;
    const silent = sql<boolean>`greatest(heard_at, ${listensSince}) < clock_timestamp() - ${silentSeconds} * interval '1 second'`;
    const overdue = await this.#db
      .selectFrom('kept_jobs')
      .select('attempt_id')
      .where('ended_at', 'is', null)
      .where(({ or }) => or([sql<boolean>`until <= clock_timestamp()`, silent]))
      .execute();
    for (const { attempt_id: attemptId } of overdue) {
      await this.#transactions.run(async (unit) => {
        const kept = await this.#rows.lock(unit, attemptId);
        if (!kept) return;
        const isSilent = await unit.tx
          .selectFrom('kept_jobs')
          .select('attempt_id')
          .where('attempt_id', '=', attemptId)
          .where(silent)
          .executeTakeFirst();
        if (kept.is_over) await this.#rows.end(unit, kept, TIME_IS_OVER, SLUICE);
        else if (isSilent) await this.#rows.end(unit, kept, silence(silentSeconds), SLUICE);
        await failpoint('end-overdue:before-commit');
      });
      await failpoint('end-overdue:after-commit');
    }
  }

  async #closeIdle(): Promise<void> {
    const { idleSeconds } = this.#settings;
    const isIdle = sql<boolean>`used_at < clock_timestamp() - ${idleSeconds} * interval '1 second'`;
    const idle = await this.#db
      .selectFrom('debug_shells')
      .select(['id', 'attempt_id'])
      .where('closed_at', 'is', null)
      .where(isIdle)
      .execute();
    for (const { id, attempt_id: attemptId } of idle) {
      await this.#transactions.run(async (unit) => {
        const kept = await this.#rows.lock(unit, attemptId);
        // Somebody may have typed meanwhile.
        const shell = await unit.tx
          .selectFrom('debug_shells')
          .selectAll()
          .where('id', '=', id)
          .where(isIdle)
          .executeTakeFirst();
        if (!kept || !shell) return;
        const why = `Nothing was typed for ${Math.round(idleSeconds / 60)} minutes.`;
        await this.#rows.closeShell(unit, kept, shell, { why, by: SLUICE, tellRunner: !kept.is_over });
      });
    }
  }
}

function silence(seconds: number): string {
  return `Its runner was not heard for ${seconds} s: it was restarted or is gone, and the container with it.`;
}
