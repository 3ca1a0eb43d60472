import { Injectable } from '@nestjs/common';
import { isTerminal, readRunState, type RunState, type RunTrigger } from '@sluice/engine';
import { Ids } from '../../platform/clock/clock.port.ts';
import { json } from '../../platform/db/database.ts';
import type { ReleaseEvidence } from '../../platform/db/schema.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { RunStore } from './run-store.ts';

/**
 * Handler of `make-release`: fixes image and evidence once and sends the release to the first environment of its route.
 * Repeated messages find the release made and change nothing.
 */
@Injectable()
export class MakeRelease {
  readonly #transactions: Transactions;
  readonly #ids: Ids;
  readonly #runs: RunStore;
  readonly #outbox: Outbox;
  constructor(transactions: Transactions, ids: Ids, runs: RunStore, outbox: Outbox) {
    this.#transactions = transactions;
    this.#ids = ids;
    this.#runs = runs;
    this.#outbox = outbox;
  }

  async make({ runId }: { runId: string }): Promise<void> {
    await this.#transactions.run(async (unit) => {
      const row = await unit.tx
        .selectFrom('runs')
        .select(['state', 'plan_hash', 'release_id'])
        .where('id', '=', runId)
        .forUpdate()
        .executeTakeFirst();
      if (!row || row.release_id !== null) return;
      const run = readRunState(row.state);
      if (isTerminal(run.status) || run.cancelRequested || !run.image) return;
      const first = run.plan.release[0];
      if (!first) return;
      const releaseId = this.#ids.next();
      await unit.tx
        .insertInto('releases')
        .values({
          id: releaseId,
          team_id: run.teamId,
          service_id: run.serviceId,
          run_id: run.runId,
          run_number: run.number,
          commit: run.commit,
          repository: run.image.repository,
          digest: run.image.digest,
          plan_hash: row.plan_hash,
          route: json(run.plan.release.map((entry) => entry.environment)),
          evidence: json(await collectEvidence(unit, run)),
        })
        .execute();
      await this.#runs.apply(unit, runId, { type: 'release-made', releaseId });
      await this.#outbox.add(unit, 'offer-release', {
        releaseId,
        environment: first.environment,
        requestedBy: run.trigger.by,
      });
      await failpoint('release:before-commit');
    });
    await failpoint('release:after-commit');
  }
}

async function collectEvidence(unit: Unit, run: RunState): Promise<ReleaseEvidence> {
  const counts = await unit.tx
    .selectFrom('test_cases')
    .select((eb) => ['status', eb.fn.countAll<number>().as('count')])
    .where('run_id', '=', run.runId)
    .groupBy('status')
    .execute();
  const count = (status: string) => Number(counts.find((row) => row.status === status)?.count ?? 0);
  return {
    image: run.image!,
    tests: counts.length === 0 ? null : { passed: count('passed'), failed: count('failed'), skipped: count('skipped') },
    by: await provenIdentities(unit, run),
  };
}

/** A re-run does not launder the push behind it: every hand of the chain stays on the release. */
async function provenIdentities(unit: Unit, run: RunState): Promise<ReleaseEvidence['by']> {
  const by: ReleaseEvidence['by'][number][] = [];
  let current: RunState | undefined = run;
  while (current) {
    const { kind, by: actor, rerunOf }: RunTrigger = current.trigger;
    // What comes by itself is nobody's hand; those who brought the commits stand on record elsewhere.
    if (actor.kind !== 'system')
      by.push({
        part: kind === 'push' ? 'pushed' : 'triggered',
        identity: actor.name,
        ...(actor.userId === undefined ? {} : { userId: actor.userId }),
      });
    if (rerunOf === undefined) break;
    const parent: { state: RunState } | undefined = await unit.tx
      .selectFrom('runs')
      .select('state')
      .where('id', '=', rerunOf)
      .executeTakeFirst();
    current = parent?.state;
  }
  return by;
}
