import { Injectable } from '@nestjs/common';
import type { LogHit } from '@sluice/protocol';
import { countNewlines } from './count-newlines.ts';
import { LiteralMatcher } from './literal-matcher.ts';
import { LogPieces, type LogPiece } from './log-pieces.ts';
import { LogReader } from './log-reader.ts';

export interface LogSearch {
  readonly text: string;
  readonly matchCase: boolean;
  /** First byte to look at. */
  readonly from: number;
  readonly most: number;
}

export interface LogSearched {
  readonly hits: readonly LogHit[];
  /** Where to go on, or null when the log was searched to its end. */
  readonly next: number | null;
}

/**
 * Literal search in stored bytes, over the borders of pieces. Bounded in memory by what the reader gives at a time, and in time
 * by `signal`: a search that is stopped says where to go on.
 */
@Injectable()
export class SearchLog {
  readonly #pieces: LogPieces;
  readonly #reader: LogReader;
  constructor(pieces: LogPieces, reader: LogReader) {
    this.#pieces = pieces;
    this.#reader = reader;
  }

  async search(
    attemptId: string,
    { text, matchCase, from, most }: LogSearch,
    signal: AbortSignal,
  ): Promise<LogSearched> {
    const matcher = new LiteralMatcher(text, { matchCase });
    const pieces = await this.#pieces.of(attemptId);
    const end = pieces.at(-1)?.end ?? 0;
    const offsets: number[] = [];
    // What a match may begin in whose rest has not come yet.
    let held: Buffer = Buffer.alloc(0);
    let at = from;
    let next: number | null = null;
    for await (const bytes of this.#reader.read(attemptId, from, Math.max(from, end))) {
      const window = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
      const start = at - held.length;
      let free = 0;
      for (const match of matcher.matches(window)) {
        offsets.push(start + match);
        free = match + matcher.length;
        if (offsets.length === most) break;
      }
      at += bytes.length;
      // Stopped, but never where it began: each answer must bring the asker further.
      const undecided = Math.max(start + free, at - matcher.length + 1);
      if (offsets.length === most) next = start + free;
      else if (signal.aborted && undecided > from) next = undecided;
      if (next !== null) break;
      // Copied: a view would keep all of it in memory.
      held = Buffer.from(window.subarray(Math.max(free, window.length - matcher.length + 1)));
    }
    if (next !== null && next >= end) next = null;
    return { hits: await this.#numbered(attemptId, pieces, offsets), next };
  }

  /** Counts newlines only in pieces that have a hit: of the others the number is known. */
  async #numbered(attemptId: string, pieces: readonly LogPiece[], offsets: readonly number[]): Promise<LogHit[]> {
    const hits: LogHit[] = [];
    for (const piece of pieces) {
      const inside = offsets.slice(hits.length).filter((offset) => offset < piece.end);
      const last = inside.at(-1);
      if (last === undefined) continue;
      let [at, newlines, nth] = [piece.start, piece.newlinesBefore, 0];
      for await (const bytes of this.#reader.read(attemptId, piece.start, last + 1)) {
        let counted = 0;
        for (; nth < inside.length && inside[nth]! < at + bytes.length; nth += 1) {
          const offset = inside[nth]!;
          newlines += countNewlines(bytes.subarray(counted, offset - at));
          counted = offset - at;
          hits.push({ offset, line: newlines + 1 });
        }
        newlines += countNewlines(bytes.subarray(counted));
        at += bytes.length;
      }
    }
    return hits;
  }
}
