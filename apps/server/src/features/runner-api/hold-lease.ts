import { Inject, Injectable } from '@nestjs/common';
import { renewLease, startLease, type RunCommand } from '@sluice/engine';
import type { stepReport } from '@sluice/protocol';
import { Kysely, sql } from 'kysely';
import type { z } from 'zod';
import { json, type Db } from '../../platform/db/database.ts';
import { ReservedDatabase } from '../../platform/db/reserved-database.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import {
  DispatchSettings,
  leaseOf,
  lockAttempt,
  lockAttemptOnly,
  secondsAfter,
  writeLease,
  type LockedAttempt,
} from '../dispatch/index.ts';
import { leaseLost } from '../logs/index.ts';
import { notFound } from '../../platform/http/problem.ts';
import { RunStore } from '../runs/index.ts';

export interface OnLease {
  readonly attemptId: string;
  readonly epoch: number;
}

/** What a runner says while it holds a lease. Every call is fenced by attempt, epoch and runner, and may be repeated. */
@Injectable()
export class HoldLease {
  readonly #db: Db;
  readonly #transactions: Transactions;
  readonly #reserved: ReservedDatabase;
  readonly #runs: RunStore;
  readonly #outbox: Outbox;
  readonly #settings: DispatchSettings;
  constructor(
    @Inject(Kysely) db: Db,
    transactions: Transactions,
    reserved: ReservedDatabase,
    runs: RunStore,
    outbox: Outbox,
    settings: DispatchSettings,
  ) {
    this.#db = db;
    this.#transactions = transactions;
    this.#reserved = reserved;
    this.#runs = runs;
    this.#outbox = outbox;
    this.#settings = settings;
  }

  async start(runner: RunnerPrincipal, { attemptId, epoch }: OnLease): Promise<void> {
    // Before the lock of the run, which many runners may be waiting for.
    const { name } = await this.#db
      .selectFrom('runners')
      .select('name')
      .where('id', '=', runner.runnerId)
      .executeTakeFirstOrThrow();
    await this.#transactions.run(async (unit) => {
      const { row, now, runVersion } = known(runner, await lockAttempt(unit, attemptId));
      const decision = startLease(leaseOf(row), { runnerId: runner.runnerId, epoch }, now.toISOString());
      if (decision.kind === 'rejected') throw leaseLost();
      if (decision.kind === 'ignored') return;
      await writeLease(unit, attemptId, decision.lease, { andDropPolls: true });
      const jobKey = row.job_key as Extract<RunCommand, { type: 'attempt-started' }>['jobKey'];
      const command = { type: 'attempt-started', jobKey, attemptId, runner: name } as const;
      await this.#runs.apply(unit, row.run_id, command, runVersion);
      await failpoint('start-lease:before-commit');
    });
  }

  /** Also how a runner learns that the run was cancelled (F61). */
  async renew(runner: RunnerPrincipal, { attemptId, epoch }: OnLease): Promise<{ expiresAt: string; cancel: boolean }> {
    return this.#reserved.transactions.run(async (unit) => {
      const { row, now } = known(runner, await lockAttemptOnly(unit, attemptId));
      const expiresAt = secondsAfter(now, this.#settings.leaseSeconds);
      const decision = renewLease(leaseOf(row), { runnerId: runner.runnerId, epoch }, expiresAt);
      if (decision.kind === 'rejected') throw leaseLost();
      if (decision.kind === 'accepted')
        await unit.tx.updateTable('attempts').set({ expires_at: expiresAt }).where('id', '=', attemptId).execute();
      await seen(unit, runner);
      const lasts = decision.kind === 'accepted' ? expiresAt : row.expires_at!.toISOString();
      return { expiresAt: lasts, cancel: row.cancel_requested_at !== null };
    });
  }

  async reportSteps(
    runner: RunnerPrincipal,
    { attemptId, epoch }: OnLease,
    steps: readonly z.infer<typeof stepReport>[],
  ): Promise<void> {
    await this.#transactions.run(async (unit) => {
      const { row } = known(runner, await lockAttemptOnly(unit, attemptId));
      if (row.status !== 'running' || row.epoch !== epoch || row.runner_id !== runner.runnerId) throw leaseLost();
      await unit.tx
        .updateTable('attempts')
        .set({ steps: json(steps) })
        .where('id', '=', attemptId)
        .execute();
      await this.#outbox.add(unit, 'changed', { topics: [`run:${row.run_id}`] });
    });
  }
}

/** A runner knows of the attempts of its own pool only; of others it must not even learn that they exist (A49, A50). */
export function known<T extends LockedAttempt>(runner: RunnerPrincipal, locked: T | undefined): T {
  if (locked?.row.pool_id !== runner.poolId) throw notFound('This attempt');
  return locked;
}

const SEEN_SECONDS = 10;

async function seen(unit: Unit, { runnerId }: RunnerPrincipal): Promise<void> {
  await sql`update runners set last_seen_at = now() where id = ${runnerId} and last_seen_at < now() - ${SEEN_SECONDS} * interval '1 second'`.execute(
    unit.tx,
  );
}
