import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { ReservedDatabase } from '../../platform/db/reserved-database.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { Authenticator, type SignedIn } from '../../platform/http/authenticator.port.ts';
import { hashToken } from '../../platform/http/bearer-tokens.ts';
import type { RunnerPrincipal, UserPrincipal } from '../../platform/http/principal.ts';
import { readMemberships } from './read-person.ts';
import { SESSION_IDLE_HOURS } from './start-session.ts';

/** How often "last used" is written; more often would make every read a write. */
const TOUCH_SECONDS = 60;

@Injectable()
export class DatabaseAuthenticator extends Authenticator {
  readonly #db: Kysely<Tables>;
  readonly #reserved: ReservedDatabase;
  constructor(db: Kysely<Tables>, reserved: ReservedDatabase) {
    super();
    this.#db = db;
    this.#reserved = reserved;
  }

  override async session(token: string): Promise<SignedIn | undefined> {
    const row = await this.#db
      .selectFrom('sessions')
      .innerJoin('users', 'users.id', 'sessions.user_id')
      .select([
        'sessions.id',
        'csrf_token',
        'user_id',
        'email',
        'name',
        'system_admin',
        stale('sessions.last_used_at').as('stale'),
      ])
      .where('token_hash', '=', hashToken(token))
      .where('expires_at', '>', sql<Date>`now()`)
      .where('last_used_at', '>', sql<Date>`now() - make_interval(hours => ${SESSION_IDLE_HOURS})`)
      .where('disabled', '=', false)
      .executeTakeFirst();
    if (!row) return undefined;
    if (row.stale)
      await this.#db
        .updateTable('sessions')
        .set({ last_used_at: sql<Date>`now()` })
        .where('id', '=', row.id)
        .execute();
    const principal: UserPrincipal = {
      kind: 'user',
      userId: row.user_id,
      name: row.name,
      email: row.email,
      systemAdmin: row.system_admin,
      memberships: await readMemberships(this.#db, row.user_id),
      via: 'session',
      scopes: [],
    };
    return { principal, session: { id: row.id, csrfToken: row.csrf_token } };
  }

  override async apiToken(token: string): Promise<UserPrincipal | undefined> {
    const row = await this.#db
      .selectFrom('api_tokens')
      .innerJoin('users', 'users.id', 'api_tokens.user_id')
      .select(['api_tokens.id', 'user_id', 'team_id', 'scopes', 'email', 'users.name', 'system_admin'])
      .select((select) => select.or([select('last_used_at', 'is', null), stale('last_used_at')]).as('stale'))
      .where('token_hash', '=', hashToken(token))
      .where('revoked_at', 'is', null)
      .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', sql<Date>`now()`)]))
      .where('disabled', '=', false)
      .executeTakeFirst();
    if (!row) return undefined;
    if (row.stale)
      await this.#db
        .updateTable('api_tokens')
        .set({ last_used_at: sql<Date>`now()` })
        .where('id', '=', row.id)
        .execute();
    const memberships = await readMemberships(this.#db, row.user_id);
    return {
      kind: 'user',
      userId: row.user_id,
      name: row.name,
      email: row.email,
      // A token made for one team reaches nothing outside of it.
      systemAdmin: row.system_admin && row.team_id === null,
      memberships: row.team_id === null ? memberships : memberships.filter(({ teamId }) => teamId === row.team_id),
      via: 'token',
      scopes: row.scopes,
    };
  }

  override async runnerToken(token: string): Promise<RunnerPrincipal | undefined> {
    const row = await this.#reserved.db
      .selectFrom('runners')
      .select(['id', 'pool_id'])
      .where('token_hash', '=', hashToken(token))
      .where('removed_at', 'is', null)
      .executeTakeFirst();
    return row && { kind: 'runner', runnerId: row.id, poolId: row.pool_id };
  }
}

function stale(column: string) {
  return sql<boolean>`${sql.ref(column)} < now() - make_interval(secs => ${TOUCH_SECONDS})`;
}
