import { Injectable } from '@nestjs/common';
import type { KeepEnd } from '@sluice/protocol';
import { sql } from 'kysely';
import { Transactions } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { notFound } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { leaseLost } from '../logs/index.ts';
import { KeepSettings } from '../runs/index.ts';
import { KeptJobRows } from './kept-job-rows.ts';

/** As the lease had it; kept containers are fenced by it as well. */
export interface OfLease {
  readonly attemptId: string;
  readonly epoch: number;
}

/** The runner has the container of a failed job and asks whether to keep it; it tells when that is over. */
@Injectable()
export class KeepJob {
  readonly #transactions: Transactions;
  readonly #settings: KeepSettings;
  readonly #rows: KeptJobRows;
  readonly #audit: Audit;
  constructor(transactions: Transactions, settings: KeepSettings, rows: KeptJobRows, audit: Audit) {
    this.#transactions = transactions;
    this.#settings = settings;
    this.#rows = rows;
    this.#audit = audit;
  }

  /** Seconds; 0 = remove it. Asked again, what is left of the time. */
  async keep(runner: RunnerPrincipal, { attemptId, epoch }: OfLease): Promise<number> {
    const seconds = await this.#transactions.run(async (unit) => {
      const attempt = await unit.tx
        .selectFrom('attempts')
        .innerJoin('runs', 'runs.id', 'attempts.run_id')
        .select([
          'attempts.pool_id',
          'attempts.runner_id',
          'attempts.epoch',
          'attempts.status',
          'attempts.team_id',
          'attempts.run_id',
          'attempts.job_key',
          'runs.trust',
          'runs.keep_minutes',
          'runs.keep_asked_by',
        ])
        .where('attempts.id', '=', attemptId)
        .forUpdate('attempts')
        .executeTakeFirst();
      if (attempt?.pool_id !== runner.poolId) throw notFound('This attempt');
      if (attempt.runner_id !== runner.runnerId || attempt.epoch !== epoch) throw leaseLost();
      const { rows } = await sql<{ seconds: number }>`
        select case when ended_at is null then greatest(0, floor(extract(epoch from until - clock_timestamp())))::int else 0 end as seconds
        from kept_jobs where attempt_id = ${attemptId}`.execute(unit.tx);
      if (rows[0]) return rows[0].seconds;
      if (attempt.status !== 'failed' || attempt.keep_minutes === null || this.#settings.refusal(attempt)) return 0;
      const minutes = Math.min(attempt.keep_minutes, this.#settings.mostMinutes);
      await unit.tx
        .insertInto('kept_jobs')
        .values({
          attempt_id: attemptId,
          team_id: attempt.team_id,
          run_id: attempt.run_id,
          runner_id: runner.runnerId,
          epoch,
          until: sql<Date>`clock_timestamp() + ${minutes} * interval '1 minute'`,
        })
        .execute();
      await this.#rows.changed(unit, attempt);
      await this.#audit.record(unit, {
        teamId: attempt.team_id,
        actor: { kind: 'system', name: `runner ${runner.runnerId}` },
        action: 'debug.keep',
        subject: `attempt:${attemptId}`,
        detail: {
          run: attempt.run_id,
          job: attempt.job_key,
          minutes,
          askedBy: attempt.keep_asked_by?.name ?? null,
        },
      });
      await failpoint('keep:before-commit');
      return minutes * 60;
    });
    if (seconds > 0) await failpoint('keep:after-commit');
    return seconds;
  }

  async ended(runner: RunnerPrincipal, { attemptId, epoch }: OfLease, why: KeepEnd): Promise<void> {
    await this.#transactions.run(async (unit) => {
      const kept = await this.#rows.lock(unit, attemptId);
      if (kept?.runner_id !== runner.runnerId || kept.epoch !== epoch) throw leaseLost();
      // A runner that hears that it is over cannot tell a request from the end of the time.
      const said = kept.is_over ? TIME_IS_OVER : WHY[why];
      await this.#rows.end(unit, kept, said, { kind: 'system', name: `runner ${runner.runnerId}` });
      await failpoint('keep-ended:before-commit');
    });
    await failpoint('keep-ended:after-commit');
  }
}

export const TIME_IS_OVER = 'Its time was over.';
const WHY: Readonly<Record<KeepEnd, string>> = {
  time: TIME_IS_OVER,
  asked: 'It was ended on request.',
  'runner-stopped': 'Its runner was stopped or takes no more work; a runner keeps nothing beyond that.',
  engine: 'The container engine did not keep it.',
};
