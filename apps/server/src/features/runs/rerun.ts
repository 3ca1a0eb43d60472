import { Injectable } from '@nestjs/common';
import { planRerun, type RerunScope, type RunState } from '@sluice/engine';
import { Ids } from '../../platform/clock/clock.port.ts';
import { json } from '../../platform/db/database.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { actorOf, requireRole, type UserPrincipal } from '../../platform/http/principal.ts';
import { conflict, notFound } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { KeepSettings } from './keep-settings.ts';
import { RunStates } from './run-states.ts';
import { RunStore } from './run-store.ts';

/**
 * Runs the same plan again as a new run: same commit, same definition, whatever the branch says by now. In part: what the
 * scope leaves out is taken over as it ended, with its outputs and the same image. With `debug`, the containers of jobs that fail in it
 * are kept for a look inside; what becomes of the run is the same.
 */
@Injectable()
export class Rerun {
  readonly #transactions: Transactions;
  readonly #ids: Ids;
  readonly #runs: RunStore;
  readonly #states: RunStates;
  readonly #audit: Audit;
  readonly #keep: KeepSettings;
  constructor(
    transactions: Transactions,
    ids: Ids,
    runs: RunStore,
    states: RunStates,
    audit: Audit,
    keep: KeepSettings,
  ) {
    this.#keep = keep;
    this.#states = states;
    this.#transactions = transactions;
    this.#ids = ids;
    this.#runs = runs;
    this.#audit = audit;
  }

  async rerun(
    by: UserPrincipal,
    runId: string,
    scope: RerunScope = { kind: 'all' },
    debug?: { readonly keepMinutes: number },
  ): Promise<{ runId: string; number: number }> {
    return this.#transactions.run(async (unit) => {
      const run = await unit.tx.selectFrom('runs').selectAll().where('id', '=', runId).executeTakeFirst();
      if (!run) throw notFound(`Run ${runId}`);
      requireRole(by, run.team_id, 'developer', `Run ${runId}`);
      const { state: old } = await this.#states.load(unit.tx, runId, run.version);
      const rerun = planRerun(old, scope);
      if (rerun.kind === 'rejected') throw conflict(rerun.code, rerun.message);
      if (debug) this.#keep.require(old, debug.keepMinutes, rerun.carried);
      const service = await unit.tx
        .selectFrom('services')
        .select('next_run_number')
        .where('id', '=', run.service_id)
        .forUpdate()
        .executeTakeFirstOrThrow();
      const state = await this.#runs.create(unit, {
        command: {
          type: 'create',
          identity: {
            runId: this.#ids.next(),
            teamId: old.teamId,
            serviceId: old.serviceId,
            number: service.next_run_number,
            ref: old.ref,
            commit: old.commit,
            message: old.message,
            author: old.author,
            trust: old.trust,
            trigger: {
              kind: 'rerun',
              by: actorOf(by),
              rerunOf: runId,
              rerunScope: scope,
              // A chain of releases is no shorter for it.
              ...(old.trigger.after ? { after: old.trigger.after } : {}),
            },
            ...(old.pullRequest && { pullRequest: old.pullRequest }),
          },
          plan: old.plan,
          ...(rerun.carried ? { carried: rerun.carried } : {}),
          // Nobody has looked at that commit yet, and a re-run is no look.
          ...(old.held && !old.admitted ? { held: old.held } : {}),
        },
        definition: run.definition,
        definitionText: run.definition_text,
        // Of a fragment that is generated anew, they are found anew.
        findings: run.findings.filter(({ job }) => job === undefined || hasGenerated(old, job)),
        planHash: run.plan_hash,
        dedupeKey: null,
      });
      await unit.tx
        .updateTable('services')
        .set({ next_run_number: service.next_run_number + 1 })
        .where('id', '=', run.service_id)
        .execute();
      if (debug) {
        await unit.tx
          .updateTable('runs')
          .set({ keep_minutes: debug.keepMinutes, keep_asked_by: json(actorOf(by)) })
          .where('id', '=', state.runId)
          .execute();
      }
      await this.#audit.record(unit, {
        teamId: run.team_id,
        actor: actorOf(by),
        action: 'run.rerun',
        subject: `run:${runId}`,
        detail: { newRun: state.runId, number: state.number, scope, ...debug },
      });
      return { runId: state.runId, number: state.number };
    });
  }
}

function hasGenerated({ plan }: RunState, jobKey: string): boolean {
  return plan.jobs.some(({ key, generated }) => key === jobKey && generated === true);
}
