import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import type { OutboxMessages } from '../../platform/outbox/messages.ts';
import { olderOpenRuns } from './older-open-runs.ts';
import { RunStore } from './run-store.ts';

/**
 * Handler of `supersede-runs`: tells each older open run of the ref that there is a newer one. Whether that ends it, the run
 * decides under its own lock: by its definition, and only before its release stage.
 */
@Injectable()
export class SupersedeRuns {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #runs: RunStore;
  constructor(db: Kysely<Tables>, transactions: Transactions, runs: RunStore) {
    this.#db = db;
    this.#transactions = transactions;
    this.#runs = runs;
  }

  async supersede({ runId }: OutboxMessages['supersede-runs']): Promise<void> {
    const newer = await this.#db
      .selectFrom('runs')
      .select(['state', 'number', 'trust'])
      .where('id', '=', runId)
      .executeTakeFirst();
    if (!newer) return;
    const { event } = newer.state.plan.facts;
    for (const { id } of await olderOpenRuns(this.#db, newer.state).orderBy('number').execute()) {
      await this.#transactions.run((unit) =>
        this.#runs.apply(unit, id, { type: 'supersede', number: newer.number, event, trust: newer.trust }),
      );
    }
  }
}
