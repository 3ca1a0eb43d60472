import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { RunTrigger } from '@sluice/engine';
import { databaseNow } from '../../platform/db/database.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import type { OutboxMessages } from '../../platform/outbox/messages.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { SLUICE, StartUnasked } from './start-unasked.ts';

/** Handlers of `release-live` and `start-after-release`: services that wait for a release of another one of their team. */
@Injectable()
export class StartAfterRelease {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #outbox: Outbox;
  readonly #start: StartUnasked;
  constructor(db: Kysely<Tables>, transactions: Transactions, outbox: Outbox, start: StartUnasked) {
    this.#db = db;
    this.#transactions = transactions;
    this.#outbox = outbox;
    this.#start = start;
  }

  /** Orders one start per waiting service: each is tried again on its own. */
  async order({ deploymentId }: OutboxMessages['release-live']): Promise<void> {
    const live = await this.#live(deploymentId);
    if (!live) return;
    await this.#transactions.run(async (unit) => {
      const { rows } = await sql<{ id: string }>`
        select id from release_triggers where team_id = ${live.teamId} and source = ${live.service}
        and coalesce(environment, ${live.lastEnvironment}) = ${live.environment} order by id`.execute(unit.tx);
      const since = (await databaseNow(unit.tx)).toISOString();
      for (const { id } of rows)
        await this.#outbox.add(unit, 'start-after-release', { triggerId: id, deploymentId, since });
    });
  }

  /** The deployment is the key: however often it is told, it makes one run of each service. */
  async run({ triggerId, deploymentId, since }: OutboxMessages['start-after-release']): Promise<void> {
    const trigger = await this.#db
      .selectFrom('release_triggers')
      .innerJoin('services', 'services.id', 'release_triggers.service_id')
      .select(['release_triggers.service_id', 'services.slug'])
      .where('release_triggers.id', '=', triggerId)
      .executeTakeFirst();
    const live = await this.#live(deploymentId);
    if (!trigger || !live) return;
    const note = async ({ tx }: Unit, problem: string | null) =>
      void (await tx
        .updateTable('release_triggers')
        .set({ problem, last_at: sql<Date>`now()` })
        .where('id', '=', triggerId)
        .execute());
    const chain = [...(live.trigger.after?.chain ?? []), live.service];
    if (chain.includes(trigger.slug)) {
      const way = [...chain, trigger.slug].join(' -> ');
      await this.#transactions.run((unit) => note(unit, `No run was started: ${way} would go round for ever.`));
      return;
    }
    const { service, environment } = live;
    await this.#start.start(
      {
        serviceId: trigger.service_id,
        branch: null,
        trigger: { kind: 'release', by: SLUICE, after: { service, environment, deploymentId, chain } },
        dedupeKey: `release:${deploymentId}`,
        since,
      },
      note,
    );
  }

  async #live(deploymentId: string) {
    const row = await this.#db
      .selectFrom('deployments')
      .innerJoin('environments', 'environments.id', 'deployments.environment_id')
      .innerJoin('services', 'services.id', 'deployments.service_id')
      .innerJoin('releases', 'releases.id', 'deployments.release_id')
      .innerJoin('runs', 'runs.id', 'releases.run_id')
      .select([
        'deployments.team_id as teamId',
        'services.slug as service',
        'environments.name as environment',
        'releases.route',
        sql<RunTrigger>`runs.state -> 'trigger'`.as('trigger'),
      ])
      .where('deployments.id', '=', deploymentId)
      .executeTakeFirst();
    return row && { ...row, lastEnvironment: row.route.at(-1) ?? row.environment };
  }
}
