import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Ids } from '../../platform/clock/clock.port.ts';
import type { Unit } from '../../platform/db/transactions.ts';
import { hashToken, newToken } from '../../platform/http/bearer-tokens.ts';

/** The browser at the other end. */
export interface SessionOrigin {
  readonly address: string;
  readonly agent: string | null;
}

export const SESSION_IDLE_HOURS = 8;
const SESSION_DAYS = 7;
const AGENT_LENGTH = 300;

@Injectable()
export class StartSession {
  readonly #ids: Ids;
  constructor(ids: Ids) {
    this.#ids = ids;
  }

  /** The token goes to the cookie and nowhere else; the database keeps its hash. */
  async start(unit: Unit, userId: string, origin: SessionOrigin): Promise<{ token: string; csrfToken: string }> {
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
        address: origin.address,
        agent: origin.agent?.slice(0, AGENT_LENGTH) ?? null,
        expires_at: sql<Date>`now() + make_interval(days => ${SESSION_DAYS})`,
      })
      .execute();
    return { token, csrfToken };
  }
}
