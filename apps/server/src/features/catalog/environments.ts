import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import { Config } from '../../platform/config/config.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { actorOf, requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';
import { invalid } from '../../platform/http/problem.ts';
import { StoreEnvironment, type EnvironmentSettings } from './store-environment.ts';

@Injectable()
export class Environments {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #store: StoreEnvironment;
  readonly #config: Config;
  constructor(db: Kysely<Tables>, transactions: Transactions, store: StoreEnvironment, config: Config) {
    this.#db = db;
    this.#transactions = transactions;
    this.#store = store;
    this.#config = config;
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
    this.#requireAllowedEngine(settings);
    await this.#transactions.run(async (unit) => {
      await this.#store.store(unit, { teamId, name, order, settings, actor: actorOf(by) });
      await failpoint('put-environment:before-commit');
    });
    await failpoint('put-environment:after-commit');
    return { name, team: input.team, order, settings };
  }

  /** An engine's socket is root on its machine: the operator says which ones teams may name; files of the operator may name any. */
  #requireAllowedEngine({ target }: EnvironmentSettings): void {
    if (this.#config.dockerEngines.includes(target.engine)) return;
    throw invalid(
      `settings.target.engine: the engine ${target.engine} may not be used; the operator allows engines in SLUICE_DOCKER_ENGINES.`,
      'engine-not-allowed',
    );
  }
}
