import { Inject, Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import { BlobStore } from '../../platform/blobs/blob-store.port.ts';
import type { Db } from '../../platform/db/database.ts';

/** Reads stored bytes [from, to) piece by piece; no more than one piece is ever in memory. */
@Injectable()
export class LogReader {
  readonly #db: Db;
  readonly #blobs: BlobStore;
  constructor(@Inject(Kysely) db: Db, @Inject(BlobStore) blobs: BlobStore) {
    this.#db = db;
    this.#blobs = blobs;
  }

  /** `to` is at most the stored length. Bytes once stored never change, so the reader needs no lock (I10, I11). */
  async *read(attemptId: string, from: number, to: number): AsyncGenerator<Buffer, void, undefined> {
    let at = from;
    let missed = 0;
    while (at < to) {
      let read = 0;
      for await (const bytes of this.#piece(attemptId, at, to)) {
        read += bytes.length;
        yield bytes;
      }
      at += read;
      // Between two looks the chunk may just have become part of a segment: look once more.
      missed = read === 0 ? missed + 1 : 0;
      if (missed > 1) throw new Error(`log of attempt ${attemptId} has no byte at ${at}`);
    }
  }

  async *#piece(attemptId: string, at: number, to: number): AsyncGenerator<Buffer> {
    const segment = await this.#db
      .selectFrom('log_segments')
      .select(['start_offset', 'length', 'blob_key'])
      .where('attempt_id', '=', attemptId)
      .where('start_offset', '<=', at)
      .orderBy('start_offset', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (segment && segment.start_offset + segment.length > at) {
      const range = { from: at - segment.start_offset, to: Math.min(to - segment.start_offset, segment.length) };
      for await (const bytes of await this.#blobs.read(segment.blob_key, range)) yield bytes as Buffer;
      return;
    }
    const chunk = await this.#db
      .selectFrom('log_chunks')
      .select(['start_offset', 'bytes'])
      .where('attempt_id', '=', attemptId)
      .where('start_offset', '<=', at)
      .orderBy('start_offset', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (!chunk) return;
    const bytes = chunk.bytes.subarray(at - chunk.start_offset, to - chunk.start_offset);
    if (bytes.length > 0) yield bytes;
  }
}
