import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { apiToken } from '@sluice/protocol';
import { Ids } from '../../platform/clock/clock.port.ts';
import { json, type DbOrTx } from '../../platform/db/database.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { hashToken, newToken } from '../../platform/http/bearer-tokens.ts';
import { actorOf, requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';
import { notFound, Problem } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';

type TokenInfo = z.infer<typeof apiToken>;

export interface CreateTokenInput {
  readonly name: string;
  readonly team: string | null;
  readonly scopes: readonly TokenInfo['scopes'][number][];
  readonly expiresInDays: number | null;
}

/** A person's own API tokens. Shown once; a token never has more rights than its person has at the moment of use. */
@Injectable()
export class ApiTokens {
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

  async list(by: UserPrincipal): Promise<TokenInfo[]> {
    return readTokens(this.#db, by.userId);
  }

  async create(by: UserPrincipal, input: CreateTokenInput): Promise<{ token: string; info: TokenInfo }> {
    const teamId = input.team === null ? null : requireTeam(by, input.team, 'viewer').teamId;
    const token = newToken('slt_');
    const id = this.#ids.next();
    return this.#transactions.run(async (unit) => {
      // Disabling a person revokes what is there; a token made at the same moment must not stay behind.
      const enabled = await unit.tx
        .selectFrom('users')
        .select('id')
        .where('id', '=', by.userId)
        .where('disabled', '=', false)
        .forShare()
        .executeTakeFirst();
      if (!enabled) throw new Problem(401, 'unauthorized', 'Sign in first, or send an API token.');
      const days = input.expiresInDays;
      await unit.tx
        .insertInto('api_tokens')
        .values({
          id,
          user_id: by.userId,
          team_id: teamId,
          name: input.name,
          token_hash: hashToken(token),
          scopes: json([...new Set(input.scopes)]),
          expires_at: days === null ? null : sql<Date>`now() + make_interval(days => ${days})`,
        })
        .execute();
      const detail = { name: input.name, scopes: input.scopes, expiresInDays: days };
      await this.#audit.record(unit, {
        teamId,
        actor: actorOf(by),
        action: 'token.create',
        subject: `token:${id}`,
        detail,
      });
      const [info] = await readTokens(unit.tx, by.userId, id);
      return { token, info: info! };
    });
  }

  async revoke(by: UserPrincipal, tokenId: string): Promise<void> {
    await this.#transactions.run(async (unit) => {
      const row = await unit.tx
        .updateTable('api_tokens')
        .set({ revoked_at: sql<Date>`now()` })
        .where('id', '=', tokenId)
        .where('user_id', '=', by.userId)
        .where('revoked_at', 'is', null)
        .returning(['team_id', 'name'])
        .executeTakeFirst();
      if (!row) throw notFound(`API token ${tokenId}`);
      await this.#audit.record(unit, {
        teamId: row.team_id,
        actor: actorOf(by),
        action: 'token.revoke',
        subject: `token:${tokenId}`,
        detail: { name: row.name },
      });
    });
  }
}

async function readTokens(db: DbOrTx, userId: string, tokenId?: string): Promise<TokenInfo[]> {
  let query = db
    .selectFrom('api_tokens')
    .leftJoin('teams', 'teams.id', 'api_tokens.team_id')
    .select([
      'api_tokens.id',
      'api_tokens.name',
      'teams.slug as team',
      'scopes',
      'api_tokens.created_at',
      'expires_at',
      'last_used_at',
    ])
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null);
  if (tokenId !== undefined) query = query.where('api_tokens.id', '=', tokenId);
  const rows = await query.orderBy('api_tokens.created_at', 'desc').execute();
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    team: row.team,
    scopes: row.scopes as TokenInfo['scopes'],
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
  }));
}
