import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { json } from '../../platform/db/database.ts';
import type { DeliveryOutcome, Row } from '../../platform/db/schema.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { CreateRun, VoidHeldRuns, type CreateRunInput } from '../runs/index.ts';
import { findPusher } from './find-pusher.ts';
import type { PlannedService } from './plan-services.ts';
import { StoreTriggers } from './store-triggers.ts';

export interface DeliveryPlan {
  /**
   * For a branch: the head that the plan was made against; the plan is void if another one is recorded by now. Tags and pull
   * requests have no head of their own here.
   */
  readonly branch?: {
    readonly head: string | null;
    /** Schedules and releases that start runs are those of the default branch. */
    readonly isDefault: boolean;
  };
  readonly services: readonly PlannedService[];
  /** What all runs of the delivery have in common. */
  readonly runs: Pick<CreateRunInput, 'ref' | 'commit' | 'trust' | 'event' | 'dedupeKey' | 'pullRequest' | 'held'> & {
    readonly trigger: 'push' | 'tag' | 'pull_request';
    /** Login that the forge proved. */
    readonly login: string | null;
  };
}

/**
 * Writes what became of a delivery: all its runs, the branch head and the outcome in one transaction, or nothing.
 * A delivery that has an outcome keeps it, so a repeated message changes nothing (I20).
 */
@Injectable()
export class RecordPlan {
  readonly #transactions: Transactions;
  readonly #createRun: CreateRun;
  readonly #heldRuns: VoidHeldRuns;
  readonly #outbox: Outbox;
  readonly #triggers: StoreTriggers;
  constructor(
    transactions: Transactions,
    createRun: CreateRun,
    heldRuns: VoidHeldRuns,
    outbox: Outbox,
    triggers: StoreTriggers,
  ) {
    this.#heldRuns = heldRuns;
    this.#transactions = transactions;
    this.#createRun = createRun;
    this.#outbox = outbox;
    this.#triggers = triggers;
  }

  /** `void`: the branch head moved since the plan was made; make a new plan. */
  async record(delivery: Row<'deliveries'>, plan: DeliveryPlan): Promise<'recorded' | 'void'> {
    const answer = await this.#transactions.run(async (unit) => {
      if (!(await lockOpenDelivery(unit, delivery))) return 'recorded' as const;
      const { ref, commit, pullRequest } = plan.runs;
      if (plan.branch) {
        if ((await readHead(unit, delivery)) !== plan.branch.head) return 'void' as const;
        await moveHead(unit, delivery.repository_id, ref, commit.sha);
        if (plan.branch.isDefault) await this.#storeTriggers(unit, delivery.team_id, plan.services);
      }
      if (pullRequest) await this.#heldRuns.void(unit, delivery.repository_id, pullRequest.number, commit.sha);
      await this.#finish(unit, delivery, await this.#createRuns(unit, delivery, plan));
      return 'recorded' as const;
    });
    await failpoint('plan:after-commit');
    return answer;
  }

  /** A file with mistakes says nothing: what the last good one said goes on. */
  async #storeTriggers(unit: Unit, teamId: string, services: readonly PlannedService[]): Promise<void> {
    const said = services.filter(({ file }) => file.definition !== null || file.text === null);
    await this.#triggers.store(
      unit,
      said.map(({ id, file }) => ({ id, teamId, definition: file.definition })),
    );
  }

  /**
   * Ends a delivery without runs. `forgetHead`: the branch is gone, and one made later under its name begins anew.
   * `closed`: number of a pull request that is over, so nobody will let its held runs go.
   */
  async end(
    delivery: Row<'deliveries'>,
    status: 'ignored' | 'failed',
    message: string,
    also: { readonly forgetHead?: boolean; readonly closed?: number } = {},
  ): Promise<void> {
    await this.#transactions.run(async (unit) => {
      if (!(await lockOpenDelivery(unit, delivery))) return;
      if (also.closed !== undefined) await this.#heldRuns.void(unit, delivery.repository_id, also.closed, null);
      if (also.forgetHead) {
        await unit.tx
          .deleteFrom('branch_heads')
          .where('repository_id', '=', delivery.repository_id)
          .where('ref', '=', delivery.ref)
          .execute();
      }
      await this.#finish(unit, delivery, { status, outcome: { message } });
    });
    await failpoint('plan:after-commit');
  }

  /** Counts a try that could not read the repository; gives the number of tries so far. */
  async countTry(deliveryId: string): Promise<number> {
    return this.#transactions.run(async (unit) => {
      const row = await unit.tx
        .updateTable('deliveries')
        .set({ tries: sql<number>`tries + 1` })
        .where('id', '=', deliveryId)
        .returning('tries')
        .executeTakeFirstOrThrow();
      return row.tries;
    });
  }

  async #createRuns(
    unit: Unit,
    delivery: Row<'deliveries'>,
    { services, runs: { trigger, login, ...common } }: DeliveryPlan,
  ): Promise<Ending> {
    const by = await findPusher(unit.tx, login);
    const runs: { service: string; runId: string; number: number }[] = [];
    const said: { service: string; message: string }[] = [];
    // Always in the same order: two deliveries that lock services in different orders would wait for each other.
    for (const service of [...services].sort((left, right) => (left.id < right.id ? -1 : 1))) {
      if (service.decision.kind !== 'run') {
        const { why, byPaths } = service.decision;
        // Where the service would have had a say, its silence would hold up a merge that waits for it.
        if (byPaths)
          await this.#outbox.add(unit, 'report-status', {
            serviceId: service.id,
            commit: common.commit.sha,
            ref: common.ref,
            notAffected: why,
          });
        said.push({ service: service.slug, message: `not affected: ${why}` });
        continue;
      }
      const { path, text, problem } = service.file;
      const run = await this.#createRun.create(unit, {
        teamId: delivery.team_id,
        serviceId: service.id,
        ...common,
        trigger: { kind: trigger, by },
        file: { path, text, ...(problem === undefined ? {} : { problem }) },
      });
      runs.push({ service: service.slug, runId: run.runId, number: run.number });
      said.push({
        service: service.slug,
        message: run.created ? `run #${run.number}` : `run #${run.number} was made of this already`,
      });
    }
    if (runs.length > 0)
      return { status: 'planned', outcome: { message: headline(runs, said.length), runs, services: said } };
    const message =
      said.length === 0
        ? 'No service of this repository is registered; register one with its folder.'
        : `No service is affected: ${said.map((one) => `${one.service} ${one.message}`).join('; ')}`;
    return { status: 'ignored', outcome: { message: message.slice(0, 1000), services: said } };
  }

  async #finish(unit: Unit, delivery: Row<'deliveries'>, { status, outcome }: Ending): Promise<void> {
    await unit.tx
      .updateTable('deliveries')
      .set({ status, outcome: json(outcome) })
      .where('id', '=', delivery.id)
      .execute();
    await failpoint('plan:before-commit');
  }
}

interface Ending {
  readonly status: 'planned' | 'ignored' | 'failed';
  readonly outcome: DeliveryOutcome;
}

function headline(runs: readonly { service: string; number: number }[], of: number): string {
  const shown = runs
    .slice(0, 10)
    .map((run) => `${run.service} #${run.number}`)
    .join(', ');
  return `${runs.length} of ${of} services: ${shown}${runs.length > 10 ? ' and more' : ''}`;
}

/** The repository's row stands for its branches: one delivery of a repository is recorded at a time. */
async function lockOpenDelivery(unit: Unit, delivery: Row<'deliveries'>): Promise<boolean> {
  await unit.tx.selectFrom('repositories').select('id').where('id', '=', delivery.repository_id).forUpdate().execute();
  const now = await unit.tx
    .selectFrom('deliveries')
    .select('status')
    .where('id', '=', delivery.id)
    .forUpdate()
    .executeTakeFirst();
  return now?.status === 'received';
}

async function moveHead(unit: Unit, repositoryId: string, ref: string, commit: string): Promise<void> {
  await unit.tx
    .insertInto('branch_heads')
    .values({ repository_id: repositoryId, ref, commit })
    .onConflict((clash) =>
      clash.columns(['repository_id', 'ref']).doUpdateSet({ commit, updated_at: sql<Date>`now()` }),
    )
    .execute();
}

async function readHead(unit: Unit, delivery: Row<'deliveries'>): Promise<string | null> {
  const row = await unit.tx
    .selectFrom('branch_heads')
    .select('commit')
    .where('repository_id', '=', delivery.repository_id)
    .where('ref', '=', delivery.ref)
    .executeTakeFirst();
  return row?.commit ?? null;
}
