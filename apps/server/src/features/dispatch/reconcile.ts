import { Inject, Injectable, Logger } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Db } from '../../platform/db/database.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { OutboxWaker } from '../../platform/outbox/outbox.ts';
import { AssignPools } from '../runs/index.ts';
import { Dispatch } from './dispatch.ts';
import { DispatchSettings } from './dispatch-settings.ts';
import { ExpireLeases } from './expire-leases.ts';

/**
 * Finds in the database what a lost message should have brought: nothing waits for ever because a queue forgot it
 * (F27-F29). Runs on every replica at once without harm (F70).
 */
@Injectable()
export class Reconcile {
  readonly #log = new Logger('reconcile');
  readonly #db: Db;
  readonly #transactions: Transactions;
  readonly #expireLeases: ExpireLeases;
  readonly #assignPools: AssignPools;
  readonly #dispatch: Dispatch;
  readonly #outbox: OutboxWaker;
  readonly #settings: DispatchSettings;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(
    @Inject(Kysely) db: Db,
    transactions: Transactions,
    expireLeases: ExpireLeases,
    assignPools: AssignPools,
    dispatch: Dispatch,
    @Inject(OutboxWaker) outbox: OutboxWaker,
    settings: DispatchSettings,
  ) {
    this.#db = db;
    this.#transactions = transactions;
    this.#expireLeases = expireLeases;
    this.#assignPools = assignPools;
    this.#dispatch = dispatch;
    this.#outbox = outbox;
    this.#settings = settings;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.sweep().finally(() => (this.#running = undefined));
    }, this.#settings.sweepMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** One pass. A step that fails does not keep the others from their work. */
  async sweep(): Promise<void> {
    await this.#step('expire leases', () => this.#expireLeases.sweep());
    await this.#step('assign pools', () => this.#transactions.run((unit) => this.#assignPools.assign(unit)));
    await this.#step('clear polls', () => this.#clearPolls());
    await this.#step('dispatch', () => this.#dispatchWaitingPools());
    this.#outbox.wake();
  }

  /** Dead polls, and answered ones whose lease has begun or ended: the answer can no longer be asked for again. */
  async #clearPolls(): Promise<void> {
    await sql`
      delete from polls where (attempt_id is null and expires_at < now() - interval '30 seconds')
      or (attempt_id is not null and not exists (
        select 1 from attempts where attempts.id = polls.attempt_id and attempts.poll_id = polls.id
        and attempts.status = 'running' and attempts.started_at is null))`.execute(this.#db);
  }

  async #dispatchWaitingPools(): Promise<void> {
    const { rows } = await sql<{ pool_id: string }>`
      select distinct pool_id from polls where attempt_id is null and expires_at > now()
      and exists (select 1 from attempts where attempts.pool_id = polls.pool_id and attempts.status = 'queued')`.execute(
      this.#db,
    );
    for (const { pool_id: poolId } of rows) await this.#dispatch.dispatch(poolId);
  }

  async #step(name: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#log.error({ err: error }, `the step "${name}" failed and is tried again with the next sweep`);
    }
  }
}
