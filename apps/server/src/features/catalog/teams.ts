import { Injectable } from '@nestjs/common';
import { Ids } from '../../platform/clock/clock.port.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { actorOf, requireSystemAdmin, type UserPrincipal } from '../../platform/http/principal.ts';
import { conflict } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';

@Injectable()
export class Teams {
  readonly #transactions: Transactions;
  readonly #ids: Ids;
  readonly #audit: Audit;
  constructor(transactions: Transactions, ids: Ids, audit: Audit) {
    this.#transactions = transactions;
    this.#ids = ids;
    this.#audit = audit;
  }

  list(by: UserPrincipal) {
    return by.memberships.map(({ team, title }) => ({ slug: team, title }));
  }

  /** Whoever creates a team becomes its first admin; otherwise nobody could let anyone in. */
  async create(by: UserPrincipal, input: { slug: string; title: string }) {
    requireSystemAdmin(by);
    const id = this.#ids.next();
    return this.#transactions.run(async (unit) => {
      const made = await unit.tx
        .insertInto('teams')
        .values({ id, slug: input.slug, title: input.title })
        .onConflict((clash) => clash.column('slug').doNothing())
        .returning('id')
        .executeTakeFirst();
      if (!made) throw conflict('team-taken', `A team ${input.slug} exists already; choose another name.`);
      await unit.tx.insertInto('memberships').values({ team_id: id, user_id: by.userId, role: 'admin' }).execute();
      await this.#audit.record(unit, {
        teamId: id,
        actor: actorOf(by),
        action: 'team.create',
        subject: `team:${input.slug}`,
        detail: { title: input.title },
      });
      return { slug: input.slug, title: input.title };
    });
  }
}
