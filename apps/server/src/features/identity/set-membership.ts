import { Injectable } from '@nestjs/common';
import type { Role } from '@sluice/engine';
import { Transactions } from '../../platform/db/transactions.ts';
import { actorOf, requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';
import { conflict, notFound } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';

/** Sets or removes a person's role in a team. Rights are read at every request, so it holds from the next one. */
@Injectable()
export class SetMembership {
  readonly #transactions: Transactions;
  readonly #audit: Audit;
  constructor(transactions: Transactions, audit: Audit) {
    this.#transactions = transactions;
    this.#audit = audit;
  }

  async set(by: UserPrincipal, input: { team: string; userId: string; role: Role | null }): Promise<void> {
    if (!by.systemAdmin) requireTeam(by, input.team, 'admin');
    await this.#transactions.run(async (unit) => {
      const team = await unit.tx
        .selectFrom('teams')
        .select('id')
        .where('slug', '=', input.team)
        .forUpdate()
        .executeTakeFirst();
      if (!team) throw notFound(`Team ${input.team}`);
      const person = await unit.tx
        .selectFrom('users')
        .select('email')
        .where('id', '=', input.userId)
        .executeTakeFirst();
      if (!person) throw notFound(`Person ${input.userId}`);
      const members = await unit.tx
        .selectFrom('memberships')
        .select(['user_id', 'role'])
        .where('team_id', '=', team.id)
        .execute();
      const before = members.find(({ user_id }) => user_id === input.userId)?.role ?? null;
      if (before === input.role) return;
      const admins = members.filter(({ role }) => role === 'admin');
      if (before === 'admin' && admins.length === 1) {
        throw conflict(
          'last-admin',
          `${person.email} is the last admin of team ${input.team}; make someone else admin first.`,
        );
      }
      const { role } = input;
      await (role === null
        ? unit.tx.deleteFrom('memberships').where('team_id', '=', team.id).where('user_id', '=', input.userId).execute()
        : unit.tx
            .insertInto('memberships')
            .values({ team_id: team.id, user_id: input.userId, role })
            .onConflict((clash) => clash.columns(['team_id', 'user_id']).doUpdateSet({ role }))
            .execute());
      await this.#audit.record(unit, {
        teamId: team.id,
        actor: actorOf(by),
        action: role === null ? 'role.remove' : 'role.set',
        subject: `user:${input.userId}`,
        detail: { email: person.email, before, role },
      });
    });
  }
}
