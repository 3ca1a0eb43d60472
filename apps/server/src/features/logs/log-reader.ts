import { Inject, Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { BlobStore } from '../../platform/blobs/blob-store.port.ts';
import type { Db } from '../../platform/db/database.ts';

const PIECE_BYTES = 256 * 1024;
/** Looked at for one piece. */
const MOST_CHUNKS = 512;

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
    const bytes = await this.#live(attemptId, at, to);
    if (bytes.length > 0) yield bytes;
  }

  /**
   * Bytes of the chunks from `at` on, many small ones at once, never much more than a piece: on the wire each byte takes two. A
   * chunk larger than a piece comes alone, so that no hole can be.
   */
  async #live(attemptId: string, at: number, to: number): Promise<Buffer> {
    const { rows } = await sql<{ bytes: Buffer | null }>`
      select string_agg(part, ''::bytea order by start_offset) as bytes from (
        select start_offset,
               substring(bytes from greatest(${at}::bigint - start_offset, 0)::int + 1 for ${PIECE_BYTES}::int) as part,
               sum(octet_length(bytes)) over (order by start_offset) - octet_length(bytes) as before
        from (
          select start_offset, bytes from log_chunks
          where attempt_id = ${attemptId} and start_offset < ${to}
            and start_offset >= (
              select max(start_offset) from log_chunks where attempt_id = ${attemptId} and start_offset <= ${at})
          order by start_offset limit ${MOST_CHUNKS}
        ) as near
      ) as parts where before < ${PIECE_BYTES}`.execute(this.#db);
    return rows[0]?.bytes?.subarray(0, to - at) ?? Buffer.alloc(0);
  }
}
