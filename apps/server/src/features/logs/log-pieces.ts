import { Inject, Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Db } from '../../platform/db/database.ts';
import { countNewlines } from './count-newlines.ts';
import { LogReader } from './log-reader.ts';

/** Where the bytes [start, end) of a log lie together: one segment, or all that is live. */
export interface LogPiece {
  readonly start: number;
  readonly end: number;
  readonly newlines: number;
  /** Newlines of the log before this piece. */
  readonly newlinesBefore: number;
}

/** The line index: how many lines end in each piece. A line is found by adding these up and reading one piece. */
@Injectable()
export class LogPieces {
  readonly #db: Db;
  readonly #reader: LogReader;
  constructor(@Inject(Kysely) db: Db, reader: LogReader) {
    this.#db = db;
    this.#reader = reader;
  }

  /** In order and without gaps, as of one moment. */
  async of(attemptId: string): Promise<readonly LogPiece[]> {
    // One statement: between two, chunks may become a segment.
    const { rows } = await sql<{ start: number; end: number; newlines: number | null; live: boolean }>`
      select start_offset as start, start_offset + length as end, newlines, false as live
      from log_segments where attempt_id = ${attemptId}
      union all
      select min(start_offset), max(start_offset + octet_length(bytes)),
             case when count(*) = count(newlines) then sum(newlines)::int end, true
      from log_chunks where attempt_id = ${attemptId} having count(*) > 0
      order by start`.execute(this.#db);
    const pieces: LogPiece[] = [];
    let newlinesBefore = 0;
    for (const { start, end, newlines: known, live } of rows) {
      const newlines = known ?? (await this.#count(attemptId, { start, end, live }));
      pieces.push({ start, end, newlines, newlinesBefore });
      newlinesBefore += newlines;
    }
    return pieces;
  }

  /** For what was stored before lines were counted; a segment never changes, so its number is kept. */
  async #count(attemptId: string, piece: { start: number; end: number; live: boolean }): Promise<number> {
    let newlines = 0;
    for await (const bytes of this.#reader.read(attemptId, piece.start, piece.end)) newlines += countNewlines(bytes);
    if (!piece.live) {
      await this.#db
        .updateTable('log_segments')
        .set({ newlines })
        .where('attempt_id', '=', attemptId)
        .where('start_offset', '=', piece.start)
        .execute();
    }
    return newlines;
  }
}
