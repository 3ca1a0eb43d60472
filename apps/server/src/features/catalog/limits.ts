import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { z } from 'zod';
import type { limits } from '@sluice/protocol';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { actorOf, requireSystemAdmin, requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';
import { notFound } from '../../platform/http/problem.ts';
import { StoreLimit } from './store-limit.ts';

/** A team's limit is for those who run the installation to set, one of a service for the team's admins. */
@Injectable()
export class Limits {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #store: StoreLimit;
  constructor(db: Kysely<Tables>, transactions: Transactions, store: StoreLimit) {
    this.#db = db;
    this.#transactions = transactions;
    this.#store = store;
  }

  async read(by: UserPrincipal, team: string): Promise<z.infer<typeof limits>> {
    const { teamId } = requireTeam(by, team, 'viewer');
    const [own, services, running] = await Promise.all([
      this.#db.selectFrom('teams').select('max_running').where('id', '=', teamId).executeTakeFirstOrThrow(),
      this.#db
        .selectFrom('services')
        .select(['slug', 'max_running'])
        .where('team_id', '=', teamId)
        .where('max_running', 'is not', null)
        .orderBy('slug')
        .execute(),
      this.#db
        .selectFrom('attempts')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('team_id', '=', teamId)
        .where('status', '=', 'running')
        .executeTakeFirstOrThrow(),
    ]);
    return {
      runningJobs: own.max_running,
      services: Object.fromEntries(services.map((row) => [row.slug, row.max_running!])),
      runningNow: Number(running.count),
    };
  }

  async putTeam(by: UserPrincipal, input: { team: string; runningJobs: number | null }): Promise<void> {
    // Who may not know of the team is not told that it is there.
    if (!by.systemAdmin) requireTeam(by, input.team, 'viewer');
    requireSystemAdmin(by);
    const row = await this.#db.selectFrom('teams').select('id').where('slug', '=', input.team).executeTakeFirst();
    if (!row) throw notFound(`Team ${input.team}`);
    const teamId = row.id;
    await this.#transactions.run((unit) =>
      this.#store.storeTeam(unit, { teamId, team: input.team, max: input.runningJobs, actor: actorOf(by) }),
    );
  }

  async putService(
    by: UserPrincipal,
    input: { team: string; service: string; runningJobs: number | null },
  ): Promise<void> {
    const { teamId } = requireTeam(by, input.team, 'admin');
    const { service, runningJobs: max } = input;
    const stored = await this.#transactions.run((unit) =>
      this.#store.storeService(unit, { teamId, service, max, actor: actorOf(by) }),
    );
    if (stored === 'unknown') throw notFound(`Service ${service}`);
  }
}
