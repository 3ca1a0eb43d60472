import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { hashToken, newToken } from '../../platform/http/bearer-tokens.ts';
import { actorOf, type UserPrincipal } from '../../platform/http/principal.ts';
import { conflict, notFound, Problem } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { endSessions } from './end-sessions.ts';
import { hashPassword } from './passwords.ts';

const LINK_HOURS = 24;

/** For a lost password: an admin makes a link and hands it over; it works once, for a day, and the newest one alone. */
@Injectable()
export class ResetLinks {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #audit: Audit;
  constructor(db: Kysely<Tables>, transactions: Transactions, audit: Audit) {
    this.#db = db;
    this.#transactions = transactions;
    this.#audit = audit;
  }

  async create(by: UserPrincipal, userId: string): Promise<{ path: string; expiresAt: string }> {
    if (!by.systemAdmin) throw notFound(`Person ${userId}`);
    const token = newToken('slp_');
    return this.#transactions.run(async (unit) => {
      const person = await unit.tx
        .selectFrom('users')
        .select(['email', 'disabled'])
        .where('id', '=', userId)
        .forShare()
        .executeTakeFirst();
      if (!person) throw notFound(`Person ${userId}`);
      if (person.disabled) throw conflict('person-disabled', `${person.email} is disabled; enable the person first.`);
      const values = {
        token_hash: hashToken(token),
        created_by: by.userId,
        expires_at: sql<Date>`now() + make_interval(hours => ${LINK_HOURS})`,
      };
      const { expires_at } = await unit.tx
        .insertInto('password_resets')
        .values({ user_id: userId, ...values })
        .onConflict((clash) => clash.column('user_id').doUpdateSet(values))
        .returning('expires_at')
        .executeTakeFirstOrThrow();
      await this.#audit.record(unit, {
        teamId: null,
        actor: actorOf(by),
        action: 'password.reset-link',
        subject: `user:${userId}`,
        detail: { email: person.email, expiresAt: expires_at.toISOString() },
      });
      // Behind `#`: browsers send that part to nobody, so no log and no proxy on the way learns the token.
      return { path: `/reset#token=${token}`, expiresAt: expires_at.toISOString() };
    });
  }

  /** Throws 404 for a link that is unknown, used, replaced, too old, or whose person is disabled: all alike. */
  async use(input: { token: string; newPassword: string }, address: string): Promise<void> {
    // Hashing is slow on purpose: it is not done for guesses.
    const known = await this.#db
      .selectFrom('password_resets')
      .select('user_id')
      .where('token_hash', '=', hashToken(input.token))
      .executeTakeFirst();
    if (!known) throw linkEnded();
    const passwordHash = await hashPassword(input.newPassword);
    await this.#transactions.run(async (unit) => {
      const link = await unit.tx
        .deleteFrom('password_resets')
        .where('token_hash', '=', hashToken(input.token))
        .where('expires_at', '>', sql<Date>`now()`)
        .returning('user_id')
        .executeTakeFirst();
      const person =
        link &&
        (await unit.tx
          .updateTable('users')
          .set({ password_hash: passwordHash })
          .where('id', '=', link.user_id)
          .where('disabled', '=', false)
          .returning(['id', 'name'])
          .executeTakeFirst());
      if (!person) throw linkEnded();
      const ended = await endSessions(unit, person.id);
      await this.#audit.record(unit, {
        teamId: null,
        actor: { kind: 'user', userId: person.id, name: person.name },
        action: 'password.reset',
        subject: `user:${person.id}`,
        detail: { address, sessionsEnded: ended },
      });
    });
  }
}

function linkEnded(): Problem {
  return new Problem(404, 'not-found', 'This link is not valid any more; ask an admin for a new one.');
}
