import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import { Clock } from '../../platform/clock/clock.port.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { AttemptLimiter } from '../../platform/http/attempt-limiter.ts';
import { actorOf, type UserPrincipal } from '../../platform/http/principal.ts';
import { conflict, forbidden, invalid, Problem } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { endSessions } from './end-sessions.ts';
import { hashPassword, verifyPassword } from './passwords.ts';

/** Whoever found an open browser knows the session, not the password: the current one is asked for, a few times. */
@Injectable()
export class ChangePassword {
  readonly #tries = new AttemptLimiter(10, 15 * 60_000);
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #clock: Clock;
  readonly #audit: Audit;
  constructor(db: Kysely<Tables>, transactions: Transactions, clock: Clock, audit: Audit) {
    this.#db = db;
    this.#transactions = transactions;
    this.#clock = clock;
    this.#audit = audit;
  }

  /** Throws 403 `wrong-password`, 422 `same-password`, 429 `too-many-tries`, 409 when it was changed meanwhile. */
  async change(
    by: UserPrincipal,
    input: { currentPassword: string; newPassword: string },
    session: { id: string; address: string },
  ): Promise<void> {
    const now = this.#clock.now();
    const wait = this.#tries.secondsToWait(by.userId, now);
    if (wait > 0) {
      throw new Problem(429, 'too-many-tries', `Too many wrong passwords; try again in ${Math.ceil(wait / 60)} min.`, {
        retryAfterSeconds: wait,
      });
    }
    // Counted before the slow part, so that parallel guesses cannot slip through.
    this.#tries.failed(by.userId, now);
    const { password_hash: before } = await this.#db
      .selectFrom('users')
      .select('password_hash')
      .where('id', '=', by.userId)
      .executeTakeFirstOrThrow();
    if (!(await verifyPassword(input.currentPassword, before)))
      throw forbidden('wrong-password', 'currentPassword: this is not your password.');
    this.#tries.succeeded(by.userId);
    if (input.newPassword === input.currentPassword)
      throw invalid('newPassword: this is the password you have; choose another one.', 'same-password');
    const passwordHash = await hashPassword(input.newPassword);
    await this.#transactions.run(async (unit) => {
      const changed = await unit.tx
        .updateTable('users')
        .set({ password_hash: passwordHash })
        .where('id', '=', by.userId)
        .where('password_hash', '=', before)
        .where('disabled', '=', false)
        .returning('id')
        .executeTakeFirst();
      if (!changed) throw conflict('password-changed', 'The password was changed meanwhile; sign in with the new one.');
      await unit.tx.deleteFrom('password_resets').where('user_id', '=', by.userId).execute();
      const ended = await endSessions(unit, by.userId, session.id);
      await this.#audit.record(unit, {
        teamId: null,
        actor: actorOf(by),
        action: 'password.change',
        subject: `user:${by.userId}`,
        detail: { address: session.address, sessionsEnded: ended },
      });
    });
  }
}
