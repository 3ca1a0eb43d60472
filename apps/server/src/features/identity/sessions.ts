import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { session } from '@sluice/protocol';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { actorOf, type UserPrincipal } from '../../platform/http/principal.ts';
import { notFound } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { endSessions } from './end-sessions.ts';
import { SESSION_IDLE_HOURS } from './start-session.ts';

/** A person's own sessions. `current` is the id of the one that asks. */
@Injectable()
export class Sessions {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #audit: Audit;
  constructor(db: Kysely<Tables>, transactions: Transactions, audit: Audit) {
    this.#db = db;
    this.#transactions = transactions;
    this.#audit = audit;
  }

  async list(by: UserPrincipal, current: string | undefined): Promise<z.infer<typeof session>[]> {
    const rows = await this.#db
      .selectFrom('sessions')
      .select(['id', 'created_at', 'last_used_at', 'address', 'agent'])
      .where('user_id', '=', by.userId)
      .where('expires_at', '>', sql<Date>`now()`)
      .where('last_used_at', '>', sql<Date>`now() - make_interval(hours => ${SESSION_IDLE_HOURS})`)
      .orderBy('last_used_at', 'desc')
      .limit(200)
      .execute();
    return rows.map((row) => ({
      id: row.id,
      createdAt: row.created_at.toISOString(),
      lastUsedAt: row.last_used_at.toISOString(),
      address: row.address,
      agent: row.agent,
      current: row.id === current,
    }));
  }

  async end(by: UserPrincipal, sessionId: string): Promise<void> {
    await this.#transactions.run(async (unit) => {
      const ended = await unit.tx
        .deleteFrom('sessions')
        .where('id', '=', sessionId)
        .where('user_id', '=', by.userId)
        .returning('id')
        .executeTakeFirst();
      if (!ended) throw notFound(`Session ${sessionId}`);
      await this.#audit.record(unit, {
        teamId: null,
        actor: actorOf(by),
        action: 'session.end',
        subject: `user:${by.userId}`,
        detail: { session: sessionId },
      });
    });
  }

  async endOthers(by: UserPrincipal, current: string | undefined): Promise<number> {
    return this.#transactions.run(async (unit) => {
      const ended = await endSessions(unit, by.userId, current);
      if (ended > 0)
        await this.#audit.record(unit, {
          teamId: null,
          actor: actorOf(by),
          action: 'session.end-others',
          subject: `user:${by.userId}`,
          detail: { ended },
        });
      return ended;
    });
  }
}
