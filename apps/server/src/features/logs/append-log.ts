import { Inject, Injectable } from '@nestjs/common';
import { Transactions } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { conflict, Problem } from '../../platform/http/problem.ts';
import { countNewlines } from './count-newlines.ts';
import { lockLog, type LogHolder } from './log-holder.ts';
import { LogHashes } from './log-hashes.ts';
import { LiveSignals } from './live-signals.port.ts';
import { LogReader } from './log-reader.ts';
import { LogSettings } from './log-settings.ts';
import { SealLog } from './seal-log.ts';
import { StoreSegment } from './store-segment.ts';

/** Room above the limit for the runner's marker that the log was cut. */
const LAST_WORDS = 64 * 1024;

type Written =
  | { readonly kind: 'stored'; readonly length: number; readonly grew: boolean; readonly hasResult: boolean }
  /** Bytes from the offset on are stored already; nothing was written. */
  | { readonly kind: 'overlap'; readonly length: number };

/**
 * Appends at an offset. Repeating what is stored is fine, other bytes at stored offsets are refused, and so is a gap:
 * the runner may send again whatever it is unsure of (F06, F23).
 */
@Injectable()
export class AppendLog {
  readonly #transactions: Transactions;
  readonly #reader: LogReader;
  readonly #segments: StoreSegment;
  readonly #seal: SealLog;
  readonly #hashes: LogHashes;
  readonly #live: LiveSignals;
  readonly #settings: LogSettings;

  constructor(
    transactions: Transactions,
    reader: LogReader,
    segments: StoreSegment,
    seal: SealLog,
    hashes: LogHashes,
    @Inject(LiveSignals) live: LiveSignals,
    settings: LogSettings,
  ) {
    this.#transactions = transactions;
    this.#reader = reader;
    this.#segments = segments;
    this.#seal = seal;
    this.#hashes = hashes;
    this.#live = live;
    this.#settings = settings;
  }

  /** The stored length afterwards. Throws 409 `lease-lost`, `log-conflict`, `log-sealed`; 413 above the limit; 416 on a gap, with `length`. */
  async append(holder: LogHolder, offset: number, bytes: Buffer): Promise<{ length: number }> {
    const end = offset + bytes.length;
    if (end > this.#settings.limitBytes + LAST_WORDS) {
      throw new Problem(
        413,
        'log-limit',
        `A log has at most ${this.#settings.limitBytes} bytes; cut it there and report it as truncated.`,
      );
    }
    let known = offset;
    for (;;) {
      const written = await this.#write(holder, known, bytes.subarray(known - offset));
      if (written.kind === 'stored') {
        if (written.grew) await this.#afterGrowth(holder.attemptId, written, bytes.subarray(known - offset), known);
        return { length: written.length };
      }
      // Compared outside of a transaction: stored bytes never change.
      const overlapEnd = Math.min(written.length, end);
      await this.#compareStored(holder.attemptId, known, bytes.subarray(known - offset, overlapEnd - offset));
      known = overlapEnd;
      if (known < end) continue;
      // Whoever stored them may have died before they became a segment, and nothing more need come.
      await this.#segments.storeWhenFull(holder.attemptId, written.length);
      return { length: written.length };
    }
  }

  async #compareStored(attemptId: string, from: number, bytes: Buffer): Promise<void> {
    let at = from;
    for await (const stored of this.#reader.read(attemptId, from, from + bytes.length)) {
      if (!stored.equals(bytes.subarray(at - from, at - from + stored.length))) {
        throw conflict(
          'log-conflict',
          `The log has other bytes stored between ${at} and ${at + stored.length}; a log never changes.`,
        );
      }
      at += stored.length;
    }
  }

  async #write(holder: LogHolder, start: number, fresh: Buffer): Promise<Written> {
    return this.#transactions.run(async (unit) => {
      const log = await lockLog(unit, holder);
      if (start > log.length)
        throw new Problem(416, 'log-gap', `The log has ${log.length} bytes; send from there.`, { length: log.length });
      if (fresh.length === 0) return { kind: 'stored', length: log.length, grew: false, hasResult: log.hasResult };
      if (start < log.length) return { kind: 'overlap', length: log.length };
      if (log.sealed) throw conflict('log-sealed', 'The log is sealed and takes nothing more.');
      const length = start + fresh.length;
      await unit.tx
        .insertInto('log_chunks')
        .values({
          attempt_id: holder.attemptId,
          start_offset: start,
          bytes: fresh,
          newlines: countNewlines(fresh),
        })
        .execute();
      await unit.tx.updateTable('attempts').set({ log_length: length }).where('id', '=', holder.attemptId).execute();
      await failpoint('append-log:before-commit');
      return { kind: 'stored', length, grew: true, hasResult: log.hasResult };
    });
  }

  async #afterGrowth(
    attemptId: string,
    written: { length: number; hasResult: boolean },
    fresh: Buffer,
    start: number,
  ): Promise<void> {
    await failpoint('append-log:after-commit');
    this.#hashes.add(attemptId, start, fresh);
    this.#live.logGrew(attemptId, written.length, false);
    // Before the answer, so that a runner cannot send faster than segments are stored.
    await this.#segments.storeWhenFull(attemptId, written.length, { start, bytes: fresh });
    if (written.hasResult) await this.#seal.sealIfComplete(attemptId);
  }
}
