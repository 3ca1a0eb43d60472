import { Injectable } from '@nestjs/common';
import { Ids } from '../../platform/clock/clock.port.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { Problem } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { hashPassword } from './passwords.ts';
import { describeMe, readMemberships } from './read-person.ts';
import { SetupLink } from './setup-link.ts';
import { StartSession, type SessionOrigin } from './start-session.ts';

/** The first person administers the installation and every team that the pipelines folder has brought so far. */
@Injectable()
export class CreateFirstAdmin {
  readonly #transactions: Transactions;
  readonly #ids: Ids;
  readonly #link: SetupLink;
  readonly #sessions: StartSession;
  readonly #audit: Audit;
  constructor(transactions: Transactions, ids: Ids, link: SetupLink, sessions: StartSession, audit: Audit) {
    this.#transactions = transactions;
    this.#ids = ids;
    this.#link = link;
    this.#sessions = sessions;
    this.#audit = audit;
  }

  async create(input: { token: string; email: string; name: string; password: string }, origin: SessionOrigin) {
    if (!(await this.#link.needed())) throw linkUsed();
    const passwordHash = await hashPassword(input.password);
    const userId = this.#ids.next();
    const email = input.email.toLowerCase();
    return this.#transactions.run(async (unit) => {
      if (!(await this.#link.use(unit, input.token))) throw linkUsed();
      await unit.tx
        .insertInto('users')
        .values({ id: userId, email, name: input.name, password_hash: passwordHash, system_admin: true })
        .execute();
      await unit.tx.insertInto('user_identities').values({ user_id: userId, kind: 'email', value: email }).execute();
      const teams = await unit.tx.selectFrom('teams').select('id').execute();
      for (const team of teams)
        await unit.tx.insertInto('memberships').values({ team_id: team.id, user_id: userId, role: 'admin' }).execute();
      const session = await this.#sessions.start(unit, userId, origin);
      await this.#audit.record(unit, {
        teamId: null,
        actor: { kind: 'user', userId, name: input.name },
        action: 'user.create',
        subject: `user:${userId}`,
        detail: { email, systemAdmin: true, how: 'set-up link' },
      });
      await failpoint('create-first-admin:before-commit');
      const memberships = await readMemberships(unit.tx, userId);
      return {
        me: describeMe({ userId, email, name: input.name, systemAdmin: true, memberships }, session.csrfToken),
        token: session.token,
      };
    });
  }
}

function linkUsed(): Problem {
  return new Problem(
    404,
    'not-found',
    'This set-up link is not valid; the newest one stands in the output of the server, as long as nobody has signed up.',
  );
}
