import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { actorOf, requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';
import { StoreEnvironment, type EnvironmentSettings } from './store-environment.ts';

@Injectable()
export class Environments {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #store: StoreEnvironment;
  constructor(db: Kysely<Tables>, transactions: Transactions, store: StoreEnvironment) {
    this.#db = db;
    this.#transactions = transactions;
    this.#store = store;
  }

  async list(by: UserPrincipal, team: string) {
    const { teamId } = requireTeam(by, team, 'viewer');
    const rows = await this.#db
      .selectFrom('environments')
      .select(['name', 'position', 'settings'])
      .where('team_id', '=', teamId)
      .orderBy('position')
      .orderBy('name')
      .execute();
    return rows.map((row) => ({
      name: row.name,
      team,
      order: row.position,
      settings: row.settings as EnvironmentSettings,
    }));
  }

  async put(by: UserPrincipal, input: { team: string; name: string; order: number; settings: EnvironmentSettings }) {
    const { teamId } = requireTeam(by, input.team, 'admin');
    const { name, order, settings } = input;
    await this.#transactions.run(async (unit) => {
      await this.#store.store(unit, { teamId, name, order, settings, actor: actorOf(by) });
      await failpoint('put-environment:before-commit');
    });
    return { name, team: input.team, order, settings };
  }
}
