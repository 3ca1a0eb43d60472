import { Inject, Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Db } from '../../platform/db/database.ts';
import type { Row } from '../../platform/db/schema.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { FindCachePlace, type AskedCache, type CachePlace } from './cache-place.ts';
import { heldAttempt, type HeldAttempt, type OnLease } from './held-attempt.ts';
import { TransferBlobs } from './transfer-blobs.ts';

export interface FoundCache {
  readonly key: string;
  readonly found: {
    readonly key: string;
    readonly exact: boolean;
    readonly length: number;
    readonly sha256: string;
    readonly url: string;
  } | null;
}

/** The key itself in each scope that the run may see, then each beginning in each scope, the newest first. Nothing else is ever looked at (I25). */
@Injectable()
export class FindCache {
  readonly #db: Db;
  readonly #places: FindCachePlace;
  readonly #transfer: TransferBlobs;
  constructor(@Inject(Kysely) db: Db, places: FindCachePlace, transfer: TransferBlobs) {
    this.#db = db;
    this.#places = places;
    this.#transfer = transfer;
  }

  async find(runner: RunnerPrincipal, { index, filesHash, ...lease }: OnLease & AskedCache): Promise<FoundCache> {
    const attempt = await heldAttempt(this.#db, runner, lease);
    const place = await this.#places.of(attempt, { index, filesHash });
    const cache = await this.#best(attempt, place);
    const exact = cache?.key === place.key;
    await this.#note(attempt, index, place.key, cache, exact);
    if (!cache) return { key: place.key, found: null };
    await this.#db
      .updateTable('caches')
      .set({
        last_used_at: sql<Date>`now()`,
        expires_at: sql<Date>`now() + (expires_at - last_used_at)`,
      })
      .where('id', '=', cache.id)
      .execute();
    const { key, length, sha256 } = cache;
    return { key: place.key, found: { key, exact, length, sha256, url: await this.#transfer.download(cache, lease) } };
  }

  async #best(
    { service_id }: HeldAttempt,
    { key, prefixes, paths, scopes }: CachePlace,
  ): Promise<Row<'caches'> | undefined> {
    const visible = this.#db
      .selectFrom('caches')
      .selectAll()
      .where('service_id', '=', service_id)
      .where('paths', '=', paths)
      .where('status', '=', 'kept')
      .where('expires_at', '>', sql<Date>`now()`)
      .orderBy('created_at', 'desc');
    for (const scope of scopes.read) {
      const found = await visible.where('scope', '=', scope).where('key', '=', key).executeTakeFirst();
      if (found) return found;
    }
    for (const prefix of prefixes) {
      for (const scope of scopes.read) {
        const found = await visible
          .where('scope', '=', scope)
          .where(sql<boolean>`starts_with(key, ${prefix})`)
          .executeTakeFirst();
        if (found) return found;
      }
    }
    return undefined;
  }

  async #note(
    attempt: HeldAttempt,
    place: number,
    key: string,
    cache: Row<'caches'> | undefined,
    exact: boolean,
  ): Promise<void> {
    const use = {
      key,
      outcome: cache === undefined ? 'miss' : exact ? 'hit' : 'partial',
      found_key: cache?.key ?? null,
      length: cache?.length ?? null,
    } as const;
    await this.#db
      .insertInto('cache_uses')
      .values({ attempt_id: attempt.id, place, ...use })
      .onConflict((clash) => clash.columns(['attempt_id', 'place']).doUpdateSet(use))
      .execute();
  }
}
