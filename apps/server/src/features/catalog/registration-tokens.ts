import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { Ids } from '../../platform/clock/clock.port.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import { hashToken, newToken } from '../../platform/http/bearer-tokens.ts';
import { actorOf, type UserPrincipal } from '../../platform/http/principal.ts';
import { Audit } from '../audit/index.ts';
import { requirePoolAdmin } from './pools.ts';

const MINUTES = 15;

/** A token that lets one runner into one pool, once (A48). Only its hash is kept. */
@Injectable()
export class RegistrationTokens {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #ids: Ids;
  readonly #audit: Audit;
  constructor(db: Kysely<Tables>, transactions: Transactions, ids: Ids, audit: Audit) {
    this.#db = db;
    this.#transactions = transactions;
    this.#ids = ids;
    this.#audit = audit;
  }

  async create(by: UserPrincipal, poolId: string): Promise<{ token: string; expiresAt: string }> {
    const pool = await this.#db
      .selectFrom('pools')
      .select(['team_id', 'name'])
      .where('id', '=', poolId)
      .executeTakeFirst();
    requirePoolAdmin(by, pool, `Pool ${poolId}`);
    return this.#transactions.run(async (unit) => {
      const issued = await this.#issue(unit, poolId, by.name);
      await this.#audit.record(unit, {
        teamId: pool!.team_id,
        actor: actorOf(by),
        action: 'registration-token.create',
        subject: `pool:${pool!.name}`,
        detail: {},
      });
      return issued;
    });
  }

  /** For the runner that the server starts itself. */
  async issueForEmbedded(poolId: string): Promise<string> {
    return this.#transactions.run(async (unit) => {
      const { token } = await this.#issue(unit, poolId, 'Sluice');
      await this.#audit.record(unit, {
        teamId: null,
        actor: { kind: 'system', name: 'Sluice' },
        action: 'registration-token.create',
        subject: `pool:${poolId}`,
        detail: { for: 'embedded runner' },
      });
      return token;
    });
  }

  async #issue(unit: Unit, poolId: string, createdBy: string): Promise<{ token: string; expiresAt: string }> {
    await unit.tx
      .deleteFrom('runner_registration_tokens')
      .where('expires_at', '<', sql<Date>`now() - interval '1 day'`)
      .execute();
    const token = newToken('slg_');
    const row = await unit.tx
      .insertInto('runner_registration_tokens')
      .values({
        id: this.#ids.next(),
        pool_id: poolId,
        token_hash: hashToken(token),
        created_by: createdBy,
        expires_at: sql<Date>`now() + make_interval(mins => ${MINUTES})`,
      })
      .returning('expires_at')
      .executeTakeFirstOrThrow();
    return { token, expiresAt: row.expires_at.toISOString() };
  }
}
