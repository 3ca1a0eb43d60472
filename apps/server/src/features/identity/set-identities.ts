import { Injectable } from '@nestjs/common';
import { Transactions } from '../../platform/db/transactions.ts';
import { actorOf, type UserPrincipal } from '../../platform/http/principal.ts';
import { notFound } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { identitiesOf, linkIdentities, type Identity } from './link-identities.ts';
import { readUser } from './read-person.ts';

/**
 * Tells later what nobody knew when the person was added: a login of a forge, an address in commits. Gates look people up
 * at each decision, so a link counts from the next one on, for pushes of before as well.
 */
@Injectable()
export class SetIdentities {
  readonly #transactions: Transactions;
  readonly #audit: Audit;
  constructor(transactions: Transactions, audit: Audit) {
    this.#transactions = transactions;
    this.#audit = audit;
  }

  async set(by: UserPrincipal, input: { userId: string; identities: readonly Identity[] }) {
    if (!by.systemAdmin) throw notFound(`Person ${input.userId}`);
    return this.#transactions.run(async (unit) => {
      const person = await unit.tx
        .selectFrom('users')
        .select('email')
        .where('id', '=', input.userId)
        .forUpdate()
        .executeTakeFirst();
      if (!person) throw notFound(`Person ${input.userId}`);
      const identities = identitiesOf(person.email, input.identities);
      const before = await unit.tx
        .deleteFrom('user_identities')
        .where('user_id', '=', input.userId)
        .returning(['kind', 'value'])
        .execute();
      await linkIdentities(unit, input.userId, identities);
      await this.#audit.record(unit, {
        teamId: null,
        actor: actorOf(by),
        action: 'identities.set',
        subject: `user:${input.userId}`,
        detail: { email: person.email, before, identities },
      });
      return readUser(unit.tx, input.userId);
    });
  }
}
