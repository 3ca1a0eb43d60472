import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Trust } from '@sluice/engine';
import { Ids } from '../../platform/clock/clock.port.ts';
import { json, type DbOrTx } from '../../platform/db/database.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import {
  actorOf,
  requireRole,
  requireSystemAdmin,
  requireTeam,
  visibleTeams,
  type UserPrincipal,
} from '../../platform/http/principal.ts';
import { conflict, notFound } from '../../platform/http/problem.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { Audit } from '../audit/index.ts';

export const DEFAULT_POOL = 'default';

/** Pools of a team belong to its admins, pools of the whole installation to system admins. */
@Injectable()
export class Pools {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #ids: Ids;
  readonly #outbox: Outbox;
  readonly #audit: Audit;
  constructor(db: Kysely<Tables>, transactions: Transactions, ids: Ids, outbox: Outbox, audit: Audit) {
    this.#db = db;
    this.#transactions = transactions;
    this.#ids = ids;
    this.#outbox = outbox;
    this.#audit = audit;
  }

  async list(by: UserPrincipal) {
    const rows = await visiblePools(this.#db, by)
      .leftJoin('teams', 'teams.id', 'pools.team_id')
      .select(['pools.id', 'name', 'teams.slug as team', 'trust', 'labels'])
      .orderBy('name')
      .execute();
    return rows;
  }

  async create(
    by: UserPrincipal,
    input: { name: string; team: string | null; trust: Trust; labels: readonly string[] },
  ) {
    const teamId = input.team === null ? null : requireTeam(by, input.team, 'admin').teamId;
    if (teamId === null) requireSystemAdmin(by);
    const id = this.#ids.next();
    return this.#transactions.run(async (unit) => {
      const made = await insertPool(unit, { id, teamId, name: input.name, trust: input.trust, labels: input.labels });
      if (!made) throw conflict('pool-taken', `A pool ${input.name} exists already; choose another name.`);
      await this.#outbox.add(unit, 'changed', { topics: ['runners'] });
      const detail = { trust: input.trust, labels: input.labels };
      await this.#audit.record(unit, {
        teamId,
        actor: actorOf(by),
        action: 'pool.create',
        subject: `pool:${input.name}`,
        detail,
      });
      return { id, name: input.name, team: input.team, trust: input.trust, labels: [...input.labels] };
    });
  }

  /** The pool of the embedded runner, made when it is missing. */
  async ensureDefault(): Promise<string> {
    return this.#transactions.run(async (unit) => {
      await insertPool(unit, { id: this.#ids.next(), teamId: null, name: DEFAULT_POOL, trust: 'trusted', labels: [] });
      const { id } = await unit.tx
        .selectFrom('pools')
        .select('id')
        .where('name', '=', DEFAULT_POOL)
        .executeTakeFirstOrThrow();
      return id;
    });
  }
}

async function insertPool(
  unit: Unit,
  pool: { id: string; teamId: string | null; name: string; trust: Trust; labels: readonly string[] },
) {
  return unit.tx
    .insertInto('pools')
    .values({ id: pool.id, team_id: pool.teamId, name: pool.name, trust: pool.trust, labels: json(pool.labels) })
    .onConflict((clash) => clash.column('name').doNothing())
    .returning('id')
    .executeTakeFirst();
}

/** Pools that serve the person's teams, or everyone. */
export function visiblePools(db: DbOrTx, by: UserPrincipal) {
  const teams = visibleTeams(by);
  return db
    .selectFrom('pools')
    .where((where) =>
      teams.length === 0
        ? where('pools.team_id', 'is', null)
        : where.or([where('pools.team_id', 'is', null), where('pools.team_id', 'in', teams)]),
    );
}

/** The right to let runners in and out: 404 when the pool is another team's. */
export function requirePoolAdmin(
  by: UserPrincipal,
  pool: { team_id: string | null; name: string } | undefined,
  what: string,
): void {
  if (!pool) throw notFound(what);
  if (pool.team_id === null) requireSystemAdmin(by);
  else requireRole(by, pool.team_id, 'admin', what);
}
