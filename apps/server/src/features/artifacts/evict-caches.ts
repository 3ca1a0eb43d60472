import { Inject, Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { BlobStore } from '../../platform/blobs/blob-store.port.ts';
import type { Db } from '../../platform/db/database.ts';
import type { Unit } from '../../platform/db/transactions.ts';
import { StorageSettings } from './storage-settings.ts';

/** An upload that nobody ended by then never will be: leases and links are over long before. */
const FORGOTTEN_HOURS = 24;

/**
 * Keeps the caches of a team within their room. A cache that has to go is first seen by nobody (`going`, in a transaction), then its
 * object is removed, then its row: a crash in between leaves a row that says what is still to be removed.
 */
@Injectable()
export class EvictCaches {
  readonly #db: Db;
  readonly #blobs: BlobStore;
  readonly #settings: StorageSettings;
  constructor(@Inject(Kysely) db: Db, blobs: BlobStore, settings: StorageSettings) {
    this.#db = db;
    this.#blobs = blobs;
    this.#settings = settings;
  }

  /** One at a time decides about the room of a team. */
  async lockTeam(unit: Unit, teamId: string): Promise<void> {
    await sql`select pg_advisory_xact_lock(hashtextextended('caches of team ' || ${teamId}, 0))`.execute(unit.tx);
  }

  /** Those that were not used for the longest time go, until the rest fits; `spared` stays, it has just come. */
  async makeRoom(unit: Unit, teamId: string, spared: string): Promise<void> {
    await sql`
      update caches set status = 'going' where id in (
        select id from (
          select id, sum(length) over (order by (id = ${spared}) desc, last_used_at desc, id desc) as used
            from caches where team_id = ${teamId} and status = 'kept') as kept
         where used > ${this.#settings.cacheTeamBytes} and id <> ${spared})`.execute(unit.tx);
    await sql`
      update caches set status = 'going' where team_id = ${teamId} and status = 'coming'
         and created_at < now() - make_interval(hours => ${FORGOTTEN_HOURS})`.execute(unit.tx);
  }

  async removeGoing(teamId: string): Promise<void> {
    const going = await this.#db
      .selectFrom('caches')
      .select(['id', 'blob_key'])
      .where('team_id', '=', teamId)
      .where('status', '=', 'going')
      .limit(100)
      .execute();
    for (const { id, blob_key } of going) {
      await this.#blobs.remove(blob_key);
      await this.#db.deleteFrom('caches').where('id', '=', id).where('status', '=', 'going').execute();
    }
  }
}
