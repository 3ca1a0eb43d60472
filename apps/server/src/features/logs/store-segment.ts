import { Inject, Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { BlobStore } from '../../platform/blobs/blob-store.port.ts';
import { Ids } from '../../platform/clock/clock.port.ts';
import type { Db } from '../../platform/db/database.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { LiveTail } from './live-tail.ts';
import { LogReader } from './log-reader.ts';
import { LogSettings } from './log-settings.ts';

const REMEMBERED = 1_000;
/** Open files; a log whose tail had to go is read out of the database once its segment is due. */
const MOST_TAILS = 32;

/** Looked at in one query. */
const MOST_CHUNKS = 512;

/** Bytes that were just committed, which saves reading them back. */
export interface FreshBytes {
  readonly start: number;
  readonly bytes: Buffer;
}

/**
 * Moves live chunks into one immutable object when there are enough of them. Order for the sake of crashes: the intent
 * (`log_puts`), the object, then in one transaction the row that names it, the end of the chunks and of the intent. A crash in
 * between leaves an object that the intent knows of (see RemoveOrphans); bytes are never without a place.
 */
@Injectable()
export class StoreSegment {
  readonly #db: Db;
  readonly #transactions: Transactions;
  readonly #blobs: BlobStore;
  readonly #reader: LogReader;
  readonly #ids: Ids;
  readonly #settings: LogSettings;
  /** Where the live part of a log began when this process last looked. */
  readonly #ends = new Map<string, number>();
  readonly #tails = new Map<string, LiveTail>();
  /** One look at a time for each log. */
  readonly #turns = new Map<string, Promise<void>>();
  constructor(
    @Inject(Kysely) db: Db,
    transactions: Transactions,
    @Inject(BlobStore) blobs: BlobStore,
    reader: LogReader,
    @Inject(Ids) ids: Ids,
    settings: LogSettings,
  ) {
    this.#db = db;
    this.#transactions = transactions;
    this.#blobs = blobs;
    this.#reader = reader;
    this.#ids = ids;
    this.#settings = settings;
  }

  /** `length`: of the whole log by now. */
  async storeWhenFull(attemptId: string, length: number, fresh?: FreshBytes): Promise<void> {
    // An end that is out of date is too low and leads to a look; never the other way round.
    if (length - (this.#ends.get(attemptId) ?? 0) < this.#settings.tailBytes) return;
    await this.#inTurn(attemptId, async () => {
      try {
        await this.#look(attemptId, length, fresh);
      } catch (error) {
        await this.#discard(attemptId);
        throw error;
      }
    });
  }

  /** The log is sealed: nothing more will come. */
  async forget(attemptId: string): Promise<void> {
    this.#ends.delete(attemptId);
    if (this.#tails.has(attemptId)) await this.#inTurn(attemptId, () => this.#discard(attemptId));
  }

  /** Ends what this process holds open; every byte is in the database. */
  async close(): Promise<void> {
    for (const attemptId of this.#tails.keys()) await this.forget(attemptId);
  }

  async #inTurn(attemptId: string, work: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(attemptId);
    const mine = (before ?? Promise.resolve()).catch(() => undefined).then(work);
    this.#turns.set(attemptId, mine);
    try {
      await mine;
    } finally {
      if (this.#turns.get(attemptId) === mine) this.#turns.delete(attemptId);
    }
  }

  async #look(attemptId: string, length: number, fresh: FreshBytes | undefined): Promise<void> {
    for (;;) {
      const tail = this.#tails.get(attemptId) ?? (await this.#begin(attemptId, length));
      if (tail === undefined || !(await this.#fill(attemptId, tail, length, fresh))) return;
      await this.#store(attemptId, tail);
      await this.#discard(attemptId);
    }
  }

  /** Undefined: too little is live to be worth a file. */
  async #begin(attemptId: string, length: number): Promise<LiveTail | undefined> {
    const start = await this.#liveStart(attemptId);
    this.#ends.delete(attemptId);
    this.#ends.set(attemptId, start);
    if (this.#ends.size > REMEMBERED) this.#ends.delete(this.#ends.keys().next().value!);
    if (length - start < this.#settings.tailBytes) return undefined;
    if (this.#tails.size >= MOST_TAILS) {
      const [oldest] = [...this.#tails.keys()].filter((other) => !this.#turns.has(other));
      if (oldest !== undefined) await this.forget(oldest);
    }
    const tail = new LiveTail(start, await this.#blobs.draft());
    this.#tails.set(attemptId, tail);
    return tail;
  }

  /** Brings the tail up to the end of the log or to a full segment; true when it is one. Ends at borders of chunks. */
  async #fill(attemptId: string, tail: LiveTail, length: number, fresh: FreshBytes | undefined): Promise<boolean> {
    while (tail.end < length && tail.length < this.#settings.segmentBytes) {
      if (fresh?.start === tail.end) {
        await tail.add(fresh.bytes);
        continue;
      }
      const end = await this.#chunkEnd(attemptId, tail.end, this.#settings.segmentBytes - tail.length);
      if (end === undefined) {
        // Another process made a segment of it.
        await this.#discard(attemptId);
        return false;
      }
      for await (const bytes of this.#reader.read(attemptId, tail.end, end)) await tail.add(bytes);
    }
    return tail.length >= this.#settings.segmentBytes;
  }

  /** A border of chunks after `start`, far enough for a full segment of `room` bytes if there is one so far. */
  async #chunkEnd(attemptId: string, start: number, room: number): Promise<number | undefined> {
    const { rows } = await sql<{ end: number | null }>`
      select max(start_offset + length) as end from (
        select start_offset, length, sum(length) over (order by start_offset) - length as before
        from (
          select start_offset, octet_length(bytes) as length from log_chunks
          where attempt_id = ${attemptId} and start_offset >= ${start}
            and exists (select from log_chunks where attempt_id = ${attemptId} and start_offset = ${start})
          order by start_offset limit ${MOST_CHUNKS}
        ) as near
      ) as sums where before < ${room}`.execute(this.#db);
    return rows[0]?.end ?? undefined;
  }

  async #discard(attemptId: string): Promise<void> {
    const tail = this.#tails.get(attemptId);
    this.#tails.delete(attemptId);
    await tail?.discard();
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

  async #store(attemptId: string, tail: LiveTail): Promise<void> {
    // A name of its own for each try: whoever is late or abandoned cannot take away what another has named.
    const key = `logs/${attemptId}/${tail.start}-${tail.end}-${this.#ids.next()}`;
    await this.#db.insertInto('log_puts').values({ blob_key: key, abandoned_at: null }).execute();
    const sha256 = await tail.putAs(key);
    await failpoint('store-segment:after-put');
    const named = await this.#transactions.run(async (unit) => {
      // Two requests may have stored overlapping segments: the attempt's lock lets one of them be named.
      await unit.tx.selectFrom('attempts').select('id').where('id', '=', attemptId).forUpdate().execute();
      const taken = await unit.tx
        .selectFrom('log_segments')
        .select('start_offset')
        .where('attempt_id', '=', attemptId)
        .where('start_offset', '>=', tail.start)
        .executeTakeFirst();
      if (taken) return false;
      const intent = await unit.tx
        .deleteFrom('log_puts')
        .where('blob_key', '=', key)
        .where('abandoned_at', 'is', null)
        .executeTakeFirst();
      if (intent.numDeletedRows === 0n)
        throw new Error(`the object ${key} was taken for an orphan before it had its name`);
      const chunks = await unit.tx
        .deleteFrom('log_chunks')
        .where('attempt_id', '=', attemptId)
        .where('start_offset', '>=', tail.start)
        .where('start_offset', '<', tail.end)
        .returning([sql<number>`octet_length(bytes)`.as('length'), 'newlines'])
        .execute();
      const removed = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      if (removed !== tail.length)
        throw new Error(`the segment ${key} holds ${tail.length} bytes and its chunks ${removed}`);
      await unit.tx
        .insertInto('log_segments')
        .values({
          attempt_id: attemptId,
          start_offset: tail.start,
          length: tail.length,
          sha256,
          blob_key: key,
          newlines: chunks.reduce<number | null>(
            (sum, { newlines }) => (sum === null || newlines === null ? null : sum + newlines),
            0,
          ),
        })
        .execute();
      await failpoint('store-segment:before-commit');
      return true;
    });
    if (named) return;
    await this.#blobs.remove(key);
    await this.#db.deleteFrom('log_puts').where('blob_key', '=', key).execute();
  }
}
