import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Kysely } from 'kysely';
import { json } from '../../platform/db/database.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { Sealer } from './sealer.ts';

const SETTING = 'master-key-id';

/** Refuses to start on a database whose secrets this key cannot open: better than failing at the first lease. */
@Injectable()
export class CheckMasterKey implements OnModuleInit {
  readonly #db: Kysely<Tables>;
  readonly #sealer: Sealer;
  constructor(db: Kysely<Tables>, sealer: Sealer) {
    this.#db = db;
    this.#sealer = sealer;
  }

  async onModuleInit(): Promise<void> {
    await this.#db
      .insertInto('settings')
      .values({ key: SETTING, value: json(this.#sealer.keyId) })
      .onConflict((conflict) => conflict.column('key').doNothing())
      .execute();
    const { value } = await this.#db
      .selectFrom('settings')
      .select('value')
      .where('key', '=', SETTING)
      .executeTakeFirstOrThrow();
    if (value === this.#sealer.keyId) return;
    throw new Error(
      `This database belongs to the master key ${String(value)}, but the server was given ${this.#sealer.keyId}; restore the old key (SLUICE_MASTER_KEY or the key file).`,
    );
  }
}
