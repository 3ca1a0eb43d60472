import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import { actorOf, type UserPrincipal } from '../../platform/http/principal.ts';
import { conflict, notFound } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { endSessions } from './end-sessions.ts';
import { readUser } from './read-person.ts';

/**
 * Disabling ends sessions, tokens and reset links in the same transaction; nothing of them comes back when the person
 * is enabled again. What the person did stays recorded under their name.
 */
@Injectable()
export class SetDisabled {
  readonly #transactions: Transactions;
  readonly #audit: Audit;
  constructor(transactions: Transactions, audit: Audit) {
    this.#transactions = transactions;
    this.#audit = audit;
  }

  async set(by: UserPrincipal, { userId, disabled }: { userId: string; disabled: boolean }) {
    if (!by.systemAdmin) throw notFound(`Person ${userId}`);
    if (disabled && userId === by.userId)
      throw conflict('yourself', 'You cannot disable yourself; another system admin can.');
    return this.#transactions.run(async (unit) => {
      // All admins in one order: two who disable each other must not both succeed.
      const admins = await unit.tx
        .selectFrom('users')
        .select('id')
        .where('system_admin', '=', true)
        .where('disabled', '=', false)
        .orderBy('id')
        .forUpdate()
        .execute();
      if (!admins.some(({ id }) => id === by.userId))
        throw conflict('not-system-admin', 'You are no system admin any more.');
      const person = await unit.tx
        .selectFrom('users')
        .select(['email', 'disabled'])
        .where('id', '=', userId)
        .forUpdate()
        .executeTakeFirst();
      if (!person) throw notFound(`Person ${userId}`);
      if (person.disabled !== disabled) {
        await unit.tx.updateTable('users').set({ disabled }).where('id', '=', userId).execute();
        const ended = disabled ? await endEverything(unit, userId) : {};
        await this.#audit.record(unit, {
          teamId: null,
          actor: actorOf(by),
          action: disabled ? 'user.disable' : 'user.enable',
          subject: `user:${userId}`,
          detail: { email: person.email, ...ended },
        });
      }
      return { user: await readUser(unit.tx, userId), openApprovals: disabled ? await openApprovals(unit, userId) : 0 };
    });
  }
}

async function endEverything(unit: Unit, userId: string): Promise<{ sessionsEnded: number; tokensRevoked: number }> {
  await unit.tx.deleteFrom('password_resets').where('user_id', '=', userId).execute();
  const revoked = await unit.tx
    .updateTable('api_tokens')
    .set({ revoked_at: sql<Date>`now()` })
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow();
  return { sessionsEnded: await endSessions(unit, userId), tokensRevoked: Number(revoked.numUpdatedRows) };
}

/** Given by the person at gates that are still closed. */
async function openApprovals(unit: Unit, userId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from deployments
     where status = 'waiting' and approvals @> ${JSON.stringify([{ userId }])}::jsonb`.execute(unit.tx);
  return rows[0]!.count;
}
