import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import { BlobStore } from '../../platform/blobs/blob-store.port.ts';
import type { Db } from '../../platform/db/database.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { LogSettings } from './log-settings.ts';

const REMEMBERED = 1_000;

/**
 * Moves live chunks into one immutable object when there are enough of them. Order for the sake of crashes: object
 * first, then in one transaction the row that names it and the end of the chunks. A crash between the two leaves an
 * object that nobody names; bytes are never without a place.
 */
@Injectable()
export class StoreSegment {
  readonly #db: Db;
  readonly #transactions: Transactions;
  readonly #blobs: BlobStore;
  readonly #settings: LogSettings;
  /** Where the live part of a log began when this process last looked. */
  readonly #ends = new Map<string, number>();
  constructor(
    @Inject(Kysely) db: Db,
    transactions: Transactions,
    @Inject(BlobStore) blobs: BlobStore,
    settings: LogSettings,
  ) {
    this.#db = db;
    this.#transactions = transactions;
    this.#blobs = blobs;
    this.#settings = settings;
  }

  /** `length`: of the whole log by now. */
  async storeWhenFull(attemptId: string, length: number): Promise<void> {
    // An end that is out of date is too low and leads to a look; never the other way round.
    if (length - (this.#ends.get(attemptId) ?? 0) < this.#settings.segmentBytes) return;
    const start = await this.#liveStart(attemptId);
    this.#remember(attemptId, start);
    if (length - start >= this.#settings.segmentBytes) await this.#store(attemptId, start);
  }

  #remember(attemptId: string, end: number): void {
    this.#ends.delete(attemptId);
    this.#ends.set(attemptId, end);
    if (this.#ends.size > REMEMBERED) this.#ends.delete(this.#ends.keys().next().value!);
  }

  async #liveStart(attemptId: string): Promise<number> {
    const last = await this.#db
      .selectFrom('log_segments')
      .select(['start_offset', 'length'])
      .where('attempt_id', '=', attemptId)
      .orderBy('start_offset', 'desc')
      .limit(1)
      .executeTakeFirst();
    return last ? last.start_offset + last.length : 0;
  }

  async #store(attemptId: string, start: number): Promise<void> {
    const chunks = await this.#db
      .selectFrom('log_chunks')
      .select('bytes')
      .where('attempt_id', '=', attemptId)
      .where('start_offset', '>=', start)
      .orderBy('start_offset')
      .execute();
    const bytes = Buffer.concat(chunks.map((chunk) => chunk.bytes));
    if (bytes.length === 0) return;
    const end = start + bytes.length;
    const key = `logs/${attemptId}/${start}-${end}`;
    await this.#blobs.put(key, bytes);
    await failpoint('store-segment:after-put');
    await this.#transactions.run(async (unit) => {
      // Two requests may have stored overlapping segments: the attempt's lock lets one of them be named.
      await unit.tx.selectFrom('attempts').select('id').where('id', '=', attemptId).forUpdate().execute();
      const taken = await unit.tx
        .selectFrom('log_segments')
        .select('start_offset')
        .where('attempt_id', '=', attemptId)
        .where('start_offset', '>=', start)
        .executeTakeFirst();
      if (taken) return;
      await unit.tx
        .insertInto('log_segments')
        .values({
          attempt_id: attemptId,
          start_offset: start,
          length: bytes.length,
          sha256: createHash('sha256').update(bytes).digest('hex'),
          blob_key: key,
        })
        .execute();
      await unit.tx
        .deleteFrom('log_chunks')
        .where('attempt_id', '=', attemptId)
        .where('start_offset', '>=', start)
        .where('start_offset', '<', end)
        .execute();
      await failpoint('store-segment:before-commit');
    });
  }
}
