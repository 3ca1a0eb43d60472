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
import { WaitingPolls, type GrantedLease, type WaitingConnection } from './waiting-polls.ts';

export interface PollRequest {
  readonly pollId: string;
  /** What the runner can run at once, in all. */
  readonly slots: number;
  readonly waitSeconds: number;
  readonly draining: boolean;
  readonly host: boolean;
  readonly trouble?: string | undefined;
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
    using _open = this.#limiter.admit(runner.runnerId, request.slots);
    const connection = this.#waiting.wait(request.pollId);
    try {
      let lease = (await this.#register(runner, request)) ? await this.#leaseOf(runner, request.pollId) : null;
      if (!lease && !request.draining && !this.#stopping && !gone.aborted) {
        await this.#dispatch.dispatch(runner.poolId);
        const granted = await this.#wait(connection, request.waitSeconds, gone);
        lease = granted ? { ...granted, runnerId: runner.runnerId } : await this.#leaseOf(runner, request.pollId);
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

  /** Whether the poll was given something before. One statement, because every poll pays for it. */
  async #register(runner: RunnerPrincipal, { pollId, slots, draining, host, trouble }: PollRequest): Promise<boolean> {
    const { rows } = await sql<{ seen: boolean; registered: boolean; answered: boolean; others: number }>`
      with seen as (
        update runners set slots = ${slots}, draining = ${draining}, offers_host = ${host}, trouble = ${trouble ?? null}, last_seen_at = now()
        where id = ${runner.runnerId} and removed_at is null returning id, pool_id),
      registered as (
        insert into polls (id, runner_id, pool_id, replica_id, expires_at)
        select ${pollId}::uuid, id, pool_id, ${this.#waiting.replicaId}::uuid, ${this.#expiry()} from seen
        on conflict (id) do update set replica_id = excluded.replica_id, expires_at = excluded.expires_at
        where polls.runner_id = excluded.runner_id returning attempt_id)
      select exists (select 1 from seen) as seen, exists (select 1 from registered) as registered,
        exists (select 1 from registered where attempt_id is not null) as answered,
        (select count(*)::int from polls
         where runner_id = ${runner.runnerId} and attempt_id is null and id <> ${pollId}) as others`.execute(this.#db);
    const { seen, registered, answered, others } = rows[0]!;
    if (!seen) throw notFound('This runner');
    if (!registered)
      throw new Problem(409, 'poll-id-taken', 'This poll id belongs to another runner; make ids at random.');
    if (others >= slots) await this.#endSurplus(runner, pollId, slots);
    return answered;
  }

  /** A runner whose connection broke unnoticed polls anew: its oldest polls beyond its slots are the dead ones. */
  async #endSurplus(runner: RunnerPrincipal, pollId: string, slots: number): Promise<void> {
    const replaced = await this.#transactions.run(async ({ tx }) => {
      // Its polls are counted one after the other: two that count at once would each end the other.
      await tx.selectFrom('runners').select('id').where('id', '=', runner.runnerId).forUpdate().execute();
      return (
        tx
          .deleteFrom('polls')
          // Said twice: a poll that is granted while this waits for its row must stay.
          .where('attempt_id', 'is', null)
          // One that was ended itself while it waited for its turn has nothing to end.
          .where((eb) => eb.exists(eb.selectFrom('polls as own').select('own.id').where('own.id', '=', pollId)))
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

  async #wait(connection: WaitingConnection, seconds: number, gone: AbortSignal): Promise<GrantedLease | undefined> {
    // It may have fired while the poll was being registered; then no event comes any more.
    if (gone.aborted) return undefined;
    const ended = Promise.withResolvers<undefined>();
    const end = () => ended.resolve(undefined);
    gone.addEventListener('abort', end, { once: true });
    const timer = setTimeout(end, seconds * 1_000);
    const granted = await Promise.race([connection.answered, ended.promise]);
    clearTimeout(timer);
    gone.removeEventListener('abort', end);
    return granted;
  }

  #expiry() {
    return sql<Date>`now() + ${this.#settings.pollSeconds} * interval '1 second'`;
  }
}
