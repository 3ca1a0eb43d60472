import { Inject, Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { Clock } from '../../platform/clock/clock.port.ts';
import type { Db } from '../../platform/db/database.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { notFound, Problem } from '../../platform/http/problem.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { Dispatch } from './dispatch.ts';
import { DispatchSettings } from './dispatch-settings.ts';
import { PollLimiter } from './poll-limiter.ts';
import { ReturnLease, type HeldLease } from './return-lease.ts';
import { WaitingPolls, type WaitingConnection } from './waiting-polls.ts';

export interface PollRequest {
  readonly pollId: string;
  /** What the runner can run at once, in all. */
  readonly slots: number;
  readonly waitSeconds: number;
  readonly draining: boolean;
}

/** Registers a long poll, waits for a lease on it, and gives back what nobody is there to take. */
@Injectable()
export class PollForLease {
  readonly #db: Db;
  readonly #transactions: Transactions;
  readonly #dispatch: Dispatch;
  readonly #waiting: WaitingPolls;
  readonly #returnLease: ReturnLease;
  readonly #settings: DispatchSettings;
  readonly #limiter: PollLimiter;
  #stopping = false;

  constructor(
    @Inject(Kysely) db: Db,
    transactions: Transactions,
    dispatch: Dispatch,
    waiting: WaitingPolls,
    returnLease: ReturnLease,
    settings: DispatchSettings,
    @Inject(Clock) clock: Clock,
  ) {
    this.#db = db;
    this.#transactions = transactions;
    this.#dispatch = dispatch;
    this.#waiting = waiting;
    this.#returnLease = returnLease;
    this.#settings = settings;
    this.#limiter = new PollLimiter(clock);
  }

  /**
   * null = nothing came in time. The same poll id gets the lease it was given before, as long as it is held and was not
   * started (F05). `gone` fires when the runner's connection ended: what was granted meanwhile is returned at once.
   */
  async poll(runner: RunnerPrincipal, request: PollRequest, gone: AbortSignal): Promise<HeldLease | null> {
    this.#limiter.admit(runner.runnerId);
    const connection = this.#waiting.wait(request.pollId);
    try {
      await this.#register(runner, request);
      let lease = await this.#leaseOf(runner, request.pollId);
      if (!lease && !request.draining && !this.#stopping && !gone.aborted) {
        await this.#dispatch.dispatch(runner.poolId);
        await this.#wait(connection, request.waitSeconds, gone);
        lease = await this.#leaseOf(runner, request.pollId);
      }
      if (!connection.isCurrent()) return null;
      lease ??= await this.#withdraw(runner, request.pollId);
      if (lease && gone.aborted) {
        await this.#returnLease.return(lease);
        return null;
      }
      return lease;
    } finally {
      connection.end();
    }
  }

  /** Ends all waiting polls, with an answer each (F46). */
  stop(): void {
    this.#stopping = true;
    this.#waiting.answerAll();
  }

  async #register(runner: RunnerPrincipal, { pollId, slots, draining }: PollRequest): Promise<void> {
    const replaced = await this.#transactions.run(async ({ tx }) => {
      // Locks the runner: its polls are counted one after the other.
      const seen = await tx
        .updateTable('runners')
        .set({ slots, draining, last_seen_at: sql<Date>`now()` })
        .where('id', '=', runner.runnerId)
        .where('removed_at', 'is', null)
        .executeTakeFirst();
      if (seen.numUpdatedRows === 0n) throw notFound('This runner');
      const registered = await tx
        .insertInto('polls')
        .values({
          id: pollId,
          runner_id: runner.runnerId,
          pool_id: runner.poolId,
          replica_id: this.#waiting.replicaId,
          expires_at: this.#expiry(),
          attempt_id: null,
        })
        .onConflict((conflict) =>
          conflict
            .column('id')
            .doUpdateSet({ replica_id: this.#waiting.replicaId, expires_at: this.#expiry() })
            .where('polls.runner_id', '=', runner.runnerId),
        )
        .executeTakeFirst();
      if (registered.numInsertedOrUpdatedRows === 0n)
        throw new Problem(409, 'poll-id-taken', 'This poll id belongs to another runner; make ids at random.');
      // A runner whose connection broke unnoticed polls anew: its oldest polls beyond its slots are the dead ones.
      return (
        tx
          .deleteFrom('polls')
          // Said twice: a poll that is granted while this waits for its row must stay.
          .where('attempt_id', 'is', null)
          .where('id', 'in', (eb) =>
            eb
              .selectFrom('polls')
              .select('id')
              .where('runner_id', '=', runner.runnerId)
              .where('attempt_id', 'is', null)
              .where('id', '!=', pollId)
              .orderBy('since', 'desc')
              .offset(slots - 1),
          )
          .returning('id')
          .execute()
      );
    });
    for (const { id } of replaced) this.#waiting.answer(id);
  }

  /** The lease this poll was given, if it still is one. A lease that ended meanwhile leaves the poll waiting. */
  async #leaseOf(runner: RunnerPrincipal, pollId: string): Promise<HeldLease | null> {
    const row = await this.#db
      .selectFrom('polls')
      .innerJoin('attempts', 'attempts.id', 'polls.attempt_id')
      .select(['attempts.id', 'attempts.epoch', 'attempts.status', 'attempts.poll_id', 'attempts.started_at'])
      .where('polls.id', '=', pollId)
      .where('polls.runner_id', '=', runner.runnerId)
      .executeTakeFirst();
    if (!row) return null;
    if (row.status === 'running' && row.poll_id === pollId && row.started_at === null) {
      return { attemptId: row.id, epoch: row.epoch, runnerId: runner.runnerId };
    }
    await this.#db
      .updateTable('polls')
      .set({ attempt_id: null })
      .where('id', '=', pollId)
      .where('attempt_id', '=', row.id)
      .execute();
    return null;
  }

  /** The row goes unless a lease was written at the last moment. */
  async #withdraw(runner: RunnerPrincipal, pollId: string): Promise<HeldLease | null> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('polls')
      .where('id', '=', pollId)
      .where('attempt_id', 'is', null)
      .executeTakeFirst();
    return numDeletedRows > 0n ? null : this.#leaseOf(runner, pollId);
  }

  async #wait(connection: WaitingConnection, seconds: number, gone: AbortSignal): Promise<void> {
    // It may have fired while the poll was being registered; then no event comes any more.
    if (gone.aborted) return;
    const ended = Promise.withResolvers<void>();
    const end = () => ended.resolve();
    gone.addEventListener('abort', end, { once: true });
    const timer = setTimeout(end, seconds * 1_000);
    await Promise.race([connection.answered, ended.promise]);
    clearTimeout(timer);
    gone.removeEventListener('abort', end);
  }

  #expiry() {
    return sql<Date>`now() + ${this.#settings.pollSeconds} * interval '1 second'`;
  }
}
