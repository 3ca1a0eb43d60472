import { Injectable } from '@nestjs/common';
import type { Role } from '@sluice/engine';
import { Ids } from '../../platform/clock/clock.port.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { actorOf, requireSystemAdmin, type UserPrincipal } from '../../platform/http/principal.ts';
import { conflict, notFound } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { identitiesOf, linkIdentities, type Identity } from './link-identities.ts';
import { hashPassword } from './passwords.ts';
import { readUser } from './read-person.ts';

export interface CreateUserInput {
  readonly email: string;
  readonly name: string;
  readonly password: string;
  readonly memberships: readonly { readonly team: string; readonly role: Role }[];
  readonly identities: readonly Identity[];
}

@Injectable()
export class CreateUser {
  readonly #transactions: Transactions;
  readonly #ids: Ids;
  readonly #audit: Audit;
  constructor(transactions: Transactions, ids: Ids, audit: Audit) {
    this.#transactions = transactions;
    this.#ids = ids;
    this.#audit = audit;
  }

  async create(by: UserPrincipal, input: CreateUserInput) {
    requireSystemAdmin(by);
    const passwordHash = await hashPassword(input.password);
    const userId = this.#ids.next();
    const email = input.email.toLowerCase();
    return this.#transactions.run(async (unit) => {
      const made = await unit.tx
        .insertInto('users')
        .values({ id: userId, email, name: input.name, password_hash: passwordHash })
        .onConflict((clash) => clash.column('email').doNothing())
        .returning('id')
        .executeTakeFirst();
      if (!made) throw conflict('email-taken', `A person with the address ${email} exists already.`);
      await linkIdentities(unit, userId, identitiesOf(email, input.identities));
      const teamIds: string[] = [];
      for (const { team, role } of input.memberships) {
        const row = await unit.tx.selectFrom('teams').select('id').where('slug', '=', team).executeTakeFirst();
        if (!row) throw notFound(`Team ${team}`);
        await unit.tx
          .insertInto('memberships')
          .values({ team_id: row.id, user_id: userId, role })
          .onConflict((clash) => clash.columns(['team_id', 'user_id']).doUpdateSet({ role }))
          .execute();
        teamIds.push(row.id);
      }
      const entry = { actor: actorOf(by), subject: `user:${userId}` };
      await this.#audit.record(unit, {
        ...entry,
        teamId: null,
        action: 'user.create',
        detail: { email, identities: input.identities },
      });
      for (const [index, teamId] of teamIds.entries()) {
        await this.#audit.record(unit, {
          ...entry,
          teamId,
          action: 'role.set',
          detail: { email, role: input.memberships[index]!.role },
        });
      }
      return readUser(unit.tx, userId);
    });
  }
}
