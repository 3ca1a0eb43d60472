import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Ids } from '../../platform/clock/clock.port.ts';
import type { Unit } from '../../platform/db/transactions.ts';
import { hashToken, newToken } from '../../platform/http/bearer-tokens.ts';

export const SESSION_IDLE_HOURS = 8;
const SESSION_DAYS = 7;

@Injectable()
export class StartSession {
  readonly #ids: Ids;
  constructor(ids: Ids) {
    this.#ids = ids;
  }

  /** The token goes to the cookie and nowhere else; the database keeps its hash. */
  async start(unit: Unit, userId: string): Promise<{ token: string; csrfToken: string }> {
    const token = newToken('sls_');
    const csrfToken = newToken('sls_').slice(4);
    await unit.tx
      .deleteFrom('sessions')
      .where('expires_at', '<', sql<Date>`now()`)
      .execute();
    await unit.tx
      .insertInto('sessions')
      .values({
        id: this.#ids.next(),
        user_id: userId,
        token_hash: hashToken(token),
        csrf_token: csrfToken,
        expires_at: sql<Date>`now() + make_interval(days => ${SESSION_DAYS})`,
      })
      .execute();
    return { token, csrfToken };
  }
}
