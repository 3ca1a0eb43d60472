import { Injectable } from '@nestjs/common';
import { LogPieces } from './log-pieces.ts';
import { LogReader } from './log-reader.ts';

const NEWLINE = 0x0a;

export interface LineSpan {
  /** Bytes [from, to) of the log. */
  readonly from: number;
  readonly to: number;
}

export interface FoundLines {
  /** Lines of the log as far as `length`; a last line without its newline counts. */
  readonly total: number;
  /** Undefined when the log has no such line. */
  readonly span: LineSpan | undefined;
}

/** Finds lines by number, reading little more than what is asked for: one piece for the first line, then the lines themselves. */
@Injectable()
export class FindLines {
  readonly #pieces: LogPieces;
  readonly #reader: LogReader;
  constructor(pieces: LogPieces, reader: LogReader) {
    this.#pieces = pieces;
    this.#reader = reader;
  }

  /** `first`: from 1. Ends after `count` lines, after `mostBytes` (then within a line), or at the end of the log. */
  async find(attemptId: string, first: number, count: number, mostBytes: number): Promise<FoundLines> {
    const pieces = await this.#pieces.of(attemptId);
    const last = pieces.at(-1);
    if (last === undefined) return { total: 0, span: undefined };
    const length = last.end;
    const newlines = last.newlinesBefore + last.newlines;
    const total = newlines + ((await this.#endsOpen(attemptId, length)) ? 1 : 0);
    if (first > total) return { total, span: undefined };
    // A line begins after the newline that ends the line before it.
    const holder = pieces.findLast((piece) => piece.newlinesBefore < first - 1) ?? pieces[0]!;
    const from =
      first === 1 ? 0 : await this.#after(attemptId, holder.start, holder.end, first - 1 - holder.newlinesBefore);
    const to =
      first - 1 + count >= total && length - from <= mostBytes
        ? length
        : await this.#after(attemptId, from, Math.min(length, from + mostBytes), count);
    return { total, span: { from, to } };
  }

  async #endsOpen(attemptId: string, length: number): Promise<boolean> {
    for await (const bytes of this.#reader.read(attemptId, length - 1, length)) return bytes[0] !== NEWLINE;
    return false;
  }

  /** The offset after the `nth` newline of [from, to), or `to` when there are fewer. */
  async #after(attemptId: string, from: number, to: number, nth: number): Promise<number> {
    let [start, left] = [from, nth];
    for await (const bytes of this.#reader.read(attemptId, from, to)) {
      for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) {
        left -= 1;
        if (left === 0) return start + at + 1;
      }
      start += bytes.length;
    }
    return to;
  }
}
