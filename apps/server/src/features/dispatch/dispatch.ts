import { Injectable } from '@nestjs/common';
import { DatabaseNotifications } from '../../platform/db/database-notifications.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { GrantLeases, type GrantedPoll } from './grant-leases.ts';
import { WaitingPolls } from './waiting-polls.ts';

/** Hints to the replicas that hold the polls: `<replica> <poll>`. */
export const POLLS_CHANNEL = 'sluice_polls';

/**
 * `dispatch(pool)`: may be called by anyone, any number of times and for no reason. Within a process, calls for one pool
 * that come while it is being looked at lead to one more look after it.
 */
@Injectable()
export class Dispatch {
  readonly #transactions: Transactions;
  readonly #grantLeases: GrantLeases;
  readonly #waiting: WaitingPolls;
  readonly #notifications: DatabaseNotifications;
  readonly #looking = new Map<string, { again: boolean; done: Promise<void> }>();

  constructor(
    transactions: Transactions,
    grantLeases: GrantLeases,
    waiting: WaitingPolls,
    notifications: DatabaseNotifications,
  ) {
    this.#transactions = transactions;
    this.#grantLeases = grantLeases;
    this.#waiting = waiting;
    this.#notifications = notifications;
  }

  /** Resolves after a look that began after the call. */
  async dispatch(poolId: string): Promise<void> {
    const running = this.#looking.get(poolId);
    if (running) {
      running.again = true;
      return running.done;
    }
    const entry = { again: false, done: Promise.resolve() };
    this.#looking.set(poolId, entry);
    entry.done = (async () => {
      try {
        do {
          entry.again = false;
          await this.#look(poolId);
        } while (entry.again);
      } finally {
        this.#looking.delete(poolId);
      }
    })();
    return entry.done;
  }

  async #look(poolId: string): Promise<void> {
    const granted = await this.#transactions.run(async (unit) => {
      const grants = await this.#grantLeases.grant(unit, poolId);
      if (grants.length > 0) await failpoint('dispatch:before-commit');
      return grants;
    });
    if (granted.length === 0) return;
    await failpoint('dispatch:after-commit');
    await this.#tell(granted);
  }

  /** Lost hints are made good by the replica itself, which looks at its polls every few seconds. */
  async #tell(granted: readonly GrantedPoll[]): Promise<void> {
    for (const { pollId, replicaId, ...lease } of granted) {
      if (this.#waiting.answer(pollId, lease) || replicaId === this.#waiting.replicaId) continue;
      await this.#notifications.notify(POLLS_CHANNEL, `${replicaId} ${pollId}`).catch(() => undefined);
    }
  }
}
