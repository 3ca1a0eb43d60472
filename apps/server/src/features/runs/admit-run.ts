import { Injectable } from '@nestjs/common';
import { Transactions } from '../../platform/db/transactions.ts';
import { actorOf, requireRole, type UserPrincipal } from '../../platform/http/principal.ts';
import { conflict, notFound } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { RunStore } from './run-store.ts';

/** A developer of the team has looked at the commit of a held run and lets it begin; it stays untrusted all the same. */
@Injectable()
export class AdmitRun {
  readonly #transactions: Transactions;
  readonly #runs: RunStore;
  readonly #audit: Audit;
  constructor(transactions: Transactions, runs: RunStore, audit: Audit) {
    this.#transactions = transactions;
    this.#runs = runs;
    this.#audit = audit;
  }

  async admit(by: UserPrincipal, runId: string, commit: string): Promise<void> {
    await this.#transactions.run(async (unit) => {
      const run = await unit.tx.selectFrom('runs').select('team_id').where('id', '=', runId).executeTakeFirst();
      if (!run) throw notFound(`Run ${runId}`);
      requireRole(by, run.team_id, 'developer', `Run ${runId}`);
      const applied = await this.#runs.apply(unit, runId, { type: 'admit', by: actorOf(by), commit });
      if (applied.kind === 'rejected') throw conflict(applied.code, applied.message);
      if (applied.kind === 'ignored') return;
      const { pullRequest, trigger } = applied.state;
      await this.#audit.record(unit, {
        teamId: run.team_id,
        actor: actorOf(by),
        action: 'run.admit',
        subject: `run:${runId}`,
        detail: {
          commit,
          pullRequest: pullRequest?.number ?? null,
          asked: trigger.by.name,
          account: pullRequest?.account ?? null,
        },
      });
    });
  }
}
