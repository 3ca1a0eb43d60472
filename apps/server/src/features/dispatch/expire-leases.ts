import { Inject, Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { expireLease } from '@sluice/engine';
import type { Db } from '../../platform/db/database.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { leaseOf, lockAttempt, writeLease } from './attempt-lease.ts';
import { DispatchSettings } from './dispatch-settings.ts';
import { EndAttempt } from './end-attempt.ts';

/** More than this many at once, and more than this share of all, is rather our trouble than that of all those runners. */
const MANY = 5;
const SHARE = 0.2;

/** Takes back leases whose runner was not heard of in time (F13, F14, F17). The database's clock decides. */
@Injectable()
export class ExpireLeases {
  readonly #db: Db;
  readonly #transactions: Transactions;
  readonly #endAttempt: EndAttempt;
  readonly #outbox: Outbox;
  readonly #settings: DispatchSettings;
  /** When this process first saw too many expired at once, by the database's clock. */
  #suspiciousSince: Date | undefined;

  constructor(
    @Inject(Kysely) db: Db,
    transactions: Transactions,
    endAttempt: EndAttempt,
    outbox: Outbox,
    settings: DispatchSettings,
  ) {
    this.#db = db;
    this.#transactions = transactions;
    this.#endAttempt = endAttempt;
    this.#outbox = outbox;
    this.#settings = settings;
  }

  /** How many leases were taken back. */
  async sweep(): Promise<number> {
    const { rows } = await sql<{ id: string; now: Date; leases: number }>`
      select id, now() as now, (select count(*) from attempts where status = 'running')::int as leases
      from attempts where status = 'running' and expires_at <= now() order by expires_at limit 500`.execute(this.#db);
    if (rows.length === 0 || this.#isSuspicious(rows.length, rows[0]!.leases, rows[0]!.now)) return 0;
    let taken = 0;
    for (const { id } of rows) if (await this.expire(id)) taken += 1;
    return taken;
  }

  /** After an outage or a jump of the clock every lease looks expired: runners get one period to renew first (F25). */
  #isSuspicious(expired: number, leases: number, now: Date): boolean {
    if (expired <= MANY || expired <= leases * SHARE) {
      this.#suspiciousSince = undefined;
      return false;
    }
    this.#suspiciousSince ??= now;
    return now.getTime() - this.#suspiciousSince.getTime() < this.#settings.renewSeconds * 1_000;
  }

  async expire(attemptId: string): Promise<boolean> {
    return this.#transactions.run(async (unit) => {
      const locked = await lockAttempt(unit, attemptId);
      if (!locked) return false;
      const { row, now } = locked;
      const decision = expireLease(leaseOf(row), now.toISOString());
      if (decision.kind !== 'accepted') return false;
      if (decision.lease.status === 'queued') {
        await writeLease(unit, attemptId, decision.lease);
        await unit.tx.deleteFrom('polls').where('attempt_id', '=', attemptId).execute();
        if (row.pool_id) await this.#outbox.add(unit, 'look-at-pool', { poolId: row.pool_id });
      } else {
        // The next epoch in the same transaction: a result that comes later finds itself shut out (F17).
        await unit.tx
          .updateTable('attempts')
          .set({ epoch: decision.lease.epoch, expires_at: null })
          .where('id', '=', attemptId)
          .execute();
        await this.#endAttempt.end(unit, locked, {
          outcome: 'lost',
          reason: {
            code: 'runner-lost',
            message: `The runner was not heard of for ${this.#settings.leaseSeconds} seconds while it held the job.`,
          },
        });
      }
      await failpoint('expire-lease:before-commit');
      return true;
    });
  }
}
