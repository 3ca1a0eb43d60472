import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Upload } from '@sluice/protocol';
import { Kysely, sql } from 'kysely';
import { Ids } from '../../platform/clock/clock.port.ts';
import type { Db } from '../../platform/db/database.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { invalid, notFound } from '../../platform/http/problem.ts';
import { FindCachePlace, type AskedCache } from './cache-place.ts';
import { EvictCaches } from './evict-caches.ts';
import { heldAttempt, type OnLease } from './held-attempt.ts';
import { StorageSettings } from './storage-settings.ts';
import { TransferBlobs } from './transfer-blobs.ts';

export interface OfferedCache extends OnLease, AskedCache {
  readonly length: number;
  readonly sha256: string;
}

/**
 * A cache on its way in, to the one scope that its run writes. The first one that is kept under a key stays; who comes later, or too late, has
 * done it for nothing.
 */
@Injectable()
export class LeaveCache {
  readonly #log = new Logger('caches');
  readonly #db: Db;
  readonly #transactions: Transactions;
  readonly #places: FindCachePlace;
  readonly #ids: Ids;
  readonly #transfer: TransferBlobs;
  readonly #evict: EvictCaches;
  readonly #settings: StorageSettings;
  constructor(
    @Inject(Kysely) db: Db,
    transactions: Transactions,
    places: FindCachePlace,
    ids: Ids,
    transfer: TransferBlobs,
    evict: EvictCaches,
    settings: StorageSettings,
  ) {
    this.#db = db;
    this.#transactions = transactions;
    this.#places = places;
    this.#ids = ids;
    this.#transfer = transfer;
    this.#evict = evict;
    this.#settings = settings;
  }

  /** Throws 422 for too many bytes. */
  async begin(runner: RunnerPrincipal, { length, sha256, index, filesHash, ...lease }: OfferedCache): Promise<Upload> {
    const most = Math.min(this.#settings.cacheBytes, this.#settings.cacheTeamBytes);
    if (length > most)
      throw invalid(`The cache has ${length} bytes packed, more than the ${most} that are allowed.`, 'cache-too-large');
    const { id, row } = await this.#transactions.run(async (unit) => {
      const attempt = await heldAttempt(unit.tx, runner, lease, { lock: true });
      const { key, paths, scopes } = await this.#places.of(attempt, { index, filesHash }, unit.tx);
      const known = await unit.tx
        .selectFrom('caches')
        .select('id')
        .where('service_id', '=', attempt.service_id)
        .where('scope', '=', scopes.write)
        .where('key', '=', key)
        .where('paths', '=', paths)
        .where('status', '=', 'kept')
        .where('expires_at', '>', sql<Date>`now()`)
        .executeTakeFirst();
      if (known) return { id: known.id, row: undefined };
      const newId = this.#ids.next();
      const blob = { length, sha256, blob_key: `caches/${newId}` };
      await unit.tx
        .insertInto('caches')
        .values({
          id: newId,
          team_id: attempt.team_id,
          service_id: attempt.service_id,
          scope: scopes.write,
          key,
          paths,
          attempt_id: attempt.id,
          status: 'coming',
          expires_at: sql<Date>`now() + make_interval(days => ${this.#settings.cacheDays})`,
          ...blob,
        })
        .execute();
      await unit.tx
        .updateTable('cache_uses')
        .set({ left_id: newId })
        .where('attempt_id', '=', attempt.id)
        .where('place', '=', index)
        .execute();
      return { id: newId, row: blob };
    });
    return { id, link: row === undefined ? null : await this.#transfer.upload(row, lease) };
  }

  async keep(runner: RunnerPrincipal, { id, ...lease }: OnLease & { readonly id: string }): Promise<void> {
    await heldAttempt(this.#db, runner, lease);
    const row = await this.#db
      .selectFrom('caches')
      .selectAll()
      .where('id', '=', id)
      .where('attempt_id', '=', lease.attemptId)
      .executeTakeFirst();
    if (!row) throw notFound('This cache');
    if (row.status !== 'coming') return;
    await this.#transfer.accept(row);
    await this.#transactions.run(async (unit) => {
      await heldAttempt(unit.tx, runner, lease, { lock: true });
      await this.#evict.lockTeam(unit, row.team_id);
      // What is too old to be given out makes room for the new one.
      await unit.tx
        .updateTable('caches')
        .set({ status: 'going' })
        .where('team_id', '=', row.team_id)
        .where('status', '=', 'kept')
        .where('expires_at', '<=', sql<Date>`now()`)
        .execute();
      const taken = await unit.tx
        .selectFrom('caches')
        .select('id')
        .where('service_id', '=', row.service_id)
        .where('scope', '=', row.scope)
        .where('key', '=', row.key)
        .where('paths', '=', row.paths)
        .where('status', '=', 'kept')
        .executeTakeFirst();
      await unit.tx
        .updateTable('caches')
        .set({ status: taken ? 'going' : 'kept' })
        .where('id', '=', id)
        .where('status', '=', 'coming')
        .execute();
      await this.#evict.makeRoom(unit, row.team_id, id);
    });
    // What cannot be removed now is removed with the next one.
    await this.#evict
      .removeGoing(row.team_id)
      .catch((error: unknown) => this.#log.warn(`Caches could not be removed: ${(error as Error).message}`));
  }
}
