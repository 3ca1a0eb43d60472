import { Injectable } from '@nestjs/common';
import { returnLease } from '@sluice/engine';
import { Transactions } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { leaseOf, lockAttemptOnly, writeLease } from './attempt-lease.ts';

export interface HeldLease {
  readonly attemptId: string;
  readonly epoch: number;
  readonly runnerId: string;
}

/** The answer never left: the attempt waits again at once, and the next epoch shuts out whoever might have got it after all. */
@Injectable()
export class ReturnLease {
  readonly #transactions: Transactions;
  readonly #outbox: Outbox;
  constructor(transactions: Transactions, outbox: Outbox) {
    this.#transactions = transactions;
    this.#outbox = outbox;
  }

  /** False when the lease was not held any more or has been started: then nothing changed. */
  async return({ attemptId, epoch, runnerId }: HeldLease): Promise<boolean> {
    return this.#transactions.run(async (unit) => {
      const locked = await lockAttemptOnly(unit, attemptId);
      if (!locked) return false;
      const decision = returnLease(leaseOf(locked.row), { runnerId, epoch });
      if (decision.kind !== 'accepted') return false;
      await writeLease(unit, attemptId, decision.lease);
      await unit.tx.deleteFrom('polls').where('attempt_id', '=', attemptId).execute();
      if (locked.row.pool_id) await this.#outbox.add(unit, 'look-at-pool', { poolId: locked.row.pool_id });
      await failpoint('return-lease:before-commit');
      return true;
    });
  }
}
