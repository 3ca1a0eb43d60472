import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { json } from '../../platform/db/database.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { hashToken, newToken, sameText } from '../../platform/http/bearer-tokens.ts';
import type { Unit } from '../../platform/db/transactions.ts';

const SETTING = 'setup-token-hash';

/** The way in before anyone exists: a token printed on the console, good for one use (A83). */
@Injectable()
export class SetupLink {
  readonly #db: Kysely<Tables>;
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async needed(): Promise<boolean> {
    const { rows } = await sql<{ any: boolean }>`select exists (select 1 from users) as any`.execute(this.#db);
    return !rows[0]!.any;
  }

  /** A new path for the console, or undefined when people exist. An older link stops working: only its hash was kept. */
  async renew(): Promise<string | undefined> {
    if (!(await this.needed())) return undefined;
    const token = newToken('slu_');
    const value = json(hashToken(token));
    await this.#db
      .insertInto('settings')
      .values({ key: SETTING, value })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value, updated_at: sql<Date>`now()` }))
      .execute();
    return `/welcome?token=${token}`;
  }

  /** True exactly once: the row is locked and removed in the transaction that makes the first person. */
  async use(unit: Unit, token: string): Promise<boolean> {
    const row = await unit.tx
      .selectFrom('settings')
      .select('value')
      .where('key', '=', SETTING)
      .forUpdate()
      .executeTakeFirst();
    if (!row || !sameText(String(row.value), hashToken(token))) return false;
    await unit.tx.deleteFrom('settings').where('key', '=', SETTING).execute();
    const anyone = await unit.tx.selectFrom('users').select('id').limit(1).executeTakeFirst();
    return anyone === undefined;
  }
}
