import { Inject, Injectable } from '@nestjs/common';
import { Transactions } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { conflict, Problem } from '../../platform/http/problem.ts';
import { lockLog, type LogHolder } from './log-holder.ts';
import { LogHashes } from './log-hashes.ts';
import { LiveSignals } from './live-signals.port.ts';
import { LogReader } from './log-reader.ts';
import { LogSettings } from './log-settings.ts';
import { SealLog } from './seal-log.ts';
import { StoreSegment } from './store-segment.ts';

/** Room above the limit for the runner's marker that the log was cut. */
const LAST_WORDS = 64 * 1024;

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
      throw new Problem(413, 'log-limit', `A log has at most ${this.#settings.limitBytes} bytes; cut it there and report it as truncated.`);
    }
    for (;;) {
      // What lies stored already is compared outside of the transaction: stored bytes never change.
      const known = await this.#compareStored(holder, offset, bytes);
      const written = await this.#write(holder, known, bytes.subarray(known - offset));
      if (written.kind === 'retry') continue;
      if (written.grew) await this.#afterGrowth(holder.attemptId, written, bytes.subarray(known - offset), known);
      return { length: written.length };
    }
  }

  /** Offset from which the bytes are new. */
  async #compareStored({ attemptId, epoch, runnerId }: LogHolder, offset: number, bytes: Buffer): Promise<number> {
    const { length } = await this.#transactions.run((unit) => lockLog(unit, { attemptId, epoch, runnerId }));
    if (offset > length) {
      throw new Problem(416, 'log-gap', `The log has ${length} bytes; send from there.`, { length });
    }
    const overlapEnd = Math.min(length, offset + bytes.length);
    let at = offset;
    for await (const stored of this.#reader.read(attemptId, offset, overlapEnd)) {
      if (!stored.equals(bytes.subarray(at - offset, at - offset + stored.length))) {
        throw conflict('log-conflict', `The log has other bytes stored between ${at} and ${at + stored.length}; a log never changes.`);
      }
      at += stored.length;
    }
    return overlapEnd;
  }

  async #write(holder: LogHolder, start: number, fresh: Buffer): Promise<{ kind: 'retry' } | { kind: 'done'; length: number; grew: boolean; hasResult: boolean }> {
    return this.#transactions.run(async (unit) => {
      const log = await lockLog(unit, holder);
      if (fresh.length === 0) return { kind: 'done', length: log.length, grew: false, hasResult: log.hasResult };
      // Another request of the same runner was faster.
      if (log.length !== start) return { kind: 'retry' };
      if (log.sealed) throw conflict('log-sealed', 'The log is sealed and takes nothing more.');
      const length = start + fresh.length;
      await unit.tx.insertInto('log_chunks').values({ attempt_id: holder.attemptId, start_offset: start, bytes: fresh }).execute();
      await unit.tx.updateTable('attempts').set({ log_length: length }).where('id', '=', holder.attemptId).execute();
      await failpoint('append-log:before-commit');
      return { kind: 'done', length, grew: true, hasResult: log.hasResult };
    });
  }

  async #afterGrowth(attemptId: string, written: { length: number; hasResult: boolean }, fresh: Buffer, start: number): Promise<void> {
    await failpoint('append-log:after-commit');
    this.#hashes.add(attemptId, start, fresh);
    this.#live.logGrew(attemptId, written.length, false);
    // Before the answer, so that a runner cannot send faster than segments are stored.
    await this.#segments.storeWhenFull(attemptId);
    if (written.hasResult) await this.#seal.sealIfComplete(attemptId);
  }
}
