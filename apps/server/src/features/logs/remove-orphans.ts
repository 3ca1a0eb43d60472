import { Inject, Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { BlobStore } from '../../platform/blobs/blob-store.port.ts';
import type { Db } from '../../platform/db/database.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { LogSettings } from './log-settings.ts';

/** In one sweep. */
const MOST = 100;

/**
 * Removes objects that no row names: those that a process put and never named, because it died or failed in between, and those
 * whose rows retention removed. Marked first: whoever is late with
 * naming finds the mark and fails, so no segment ever names an object that was removed.
 */
@Injectable()
export class RemoveOrphans {
  readonly #db: Db;
  readonly #blobs: BlobStore;
  readonly #settings: LogSettings;
  constructor(@Inject(Kysely) db: Db, @Inject(BlobStore) blobs: BlobStore, settings: LogSettings) {
    this.#db = db;
    this.#blobs = blobs;
    this.#settings = settings;
  }

  /** How many were removed. Throws when the blob store is in trouble; the next sweep goes on. */
  async sweep(): Promise<number> {
    await sql`
      update log_puts set abandoned_at = now() where blob_key in (
        select blob_key from log_puts
        where abandoned_at is null and begun_at < now() - ${this.#settings.orphanSeconds} * interval '1 second'
        order by begun_at limit ${MOST})`.execute(this.#db);
    const orphans = await this.#db
      .selectFrom('log_puts')
      .select('blob_key')
      .where('abandoned_at', 'is not', null)
      .limit(MOST)
      .execute();
    for (const { blob_key: key } of orphans) {
      await this.#blobs.remove(key);
      await failpoint('remove-orphan:after-remove');
      await this.#db.deleteFrom('log_puts').where('blob_key', '=', key).execute();
    }
    return orphans.length;
  }
}
