import { Injectable } from '@nestjs/common';
import { Transactions } from '../../platform/db/transactions.ts';
import { actorOf, requireRole, type UserPrincipal } from '../../platform/http/principal.ts';
import { conflict, notFound } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { RunStore } from './run-store.ts';

/** Asks a run to stop. Acknowledged = no new step starts; running steps get their grace (F60-F62). */
@Injectable()
export class CancelRun {
  readonly #transactions: Transactions;
  readonly #runs: RunStore;
  readonly #audit: Audit;
  constructor(transactions: Transactions, runs: RunStore, audit: Audit) {
    this.#transactions = transactions;
    this.#runs = runs;
    this.#audit = audit;
  }

  async cancel(by: UserPrincipal, runId: string, reason?: string): Promise<void> {
    await this.#transactions.run(async (unit) => {
      const run = await unit.tx.selectFrom('runs').select('team_id').where('id', '=', runId).executeTakeFirst();
      if (!run) throw notFound(`Run ${runId}`);
      requireRole(by, run.team_id, 'developer', `Run ${runId}`);
      const applied = await this.#runs.apply(unit, runId, {
        type: 'cancel',
        by: actorOf(by),
        ...(reason === undefined ? {} : { reason }),
      });
      if (applied.kind === 'rejected') throw conflict(applied.code, applied.message);
      if (applied.kind === 'ignored') return;
      await this.#audit.record(unit, {
        teamId: run.team_id,
        actor: actorOf(by),
        action: 'run.cancel',
        subject: `run:${runId}`,
        detail: { reason: reason ?? null },
      });
    });
  }
}
