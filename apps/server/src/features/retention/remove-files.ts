import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import type { Batch } from './batches.ts';
import { FROM_THE_START } from './batches.ts';

const MOST = 200;
/** No job lives so long, so nobody sends these bytes any more. */
const FORGOTTEN_DAYS = 3;

/**
 * Removes caches that are not given out any more, and artifacts and caches whose upload nobody ended. One statement drops the rows and
 * names their objects in `log_puts`: a crash leaves nothing without a name.
 */
@Injectable()
export class RemoveFiles {
  readonly #db: Kysely<Tables>;
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async removeBatch(): Promise<Batch> {
    const { rows } = await sql`
      with forgotten as (
        delete from artifacts where id in (
          select id from artifacts where status <> 'kept' and created_at < now() - ${FORGOTTEN_DAYS} * interval '1 day'
          limit ${MOST} for update skip locked) returning blob_key),
      unused as (
        delete from caches where id in (
          select id from caches
          where expires_at < now() or (status <> 'kept' and created_at < now() - ${FORGOTTEN_DAYS} * interval '1 day')
          limit ${MOST} for update skip locked) returning blob_key)
      insert into log_puts (blob_key, abandoned_at)
      select blob_key, now() from forgotten union all select blob_key, now() from unused
      returning blob_key`.execute(this.#db);
    return { removed: rows.length, next: rows.length === 0 ? undefined : FROM_THE_START };
  }
}
