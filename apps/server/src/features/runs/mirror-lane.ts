import { Injectable } from '@nestjs/common';
import { Transactions } from '../../platform/db/transactions.ts';
import type { OutboxMessages } from '../../platform/outbox/messages.ts';
import { RunStore } from './run-store.ts';

/** Handler of `tell-run`: the run's release stage mirrors what its lanes say; older words are ignored by the engine. */
@Injectable()
export class MirrorLane {
  readonly #transactions: Transactions;
  readonly #runs: RunStore;
  constructor(transactions: Transactions, runs: RunStore) {
    this.#transactions = transactions;
    this.#runs = runs;
  }

  async mirror(message: OutboxMessages['tell-run']): Promise<void> {
    const { runId, ...rest } = message;
    await this.#transactions.run(async (unit) => {
      await this.#runs.apply(unit, runId, { type: 'lane-changed', ...rest });
    });
  }
}
