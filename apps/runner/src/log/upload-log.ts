import { setTimeout as pause } from 'node:timers/promises';
import type { BackOff } from '../server/back-off.ts';
import { untilAnswered } from '../server/back-off.ts';
import type { LeaseKey, LogAppend, RunnerApi } from '../server/runner-api.ts';
import { ServerRefusal } from '../server/server-answer.ts';
import type { LogSpool } from './log-spool.ts';

const CHUNK_BYTES = 1024 * 1024;
/** From here on a chunk is worth a call of its own at once. */
const FULL_ENOUGH_BYTES = 256 * 1024;
const SMALL_CHUNK_PAUSE_MS = 50;

export interface LogUpload {
  readonly api: RunnerApi;
  readonly lease: LeaseKey;
  readonly spool: LogSpool;
  /** Bytes that the server has already. */
  readonly from?: number;
  readonly backOff: BackOff;
  /** Ends the upload at once (the lease is lost). */
  readonly signal: AbortSignal;
  /** Told once when the server holds other bytes than we do and the rest stays here. */
  readonly onGivenUp: (why: string) => void;
}

/**
 * Sends what the spool holds and gets, from what the server has, until it is closed and all is acknowledged. A first small chunk goes
 * out at once, the next ones gather for 50 ms. While the server is away it keeps asking and the spool keeps growing.
 * Throws `LeaseLost` as it comes.
 */
export async function uploadLog({ api, lease, spool, from = 0, backOff, signal, onGivenUp }: LogUpload): Promise<void> {
  let acknowledged = from;
  let resyncsInARow = 0;
  let most = CHUNK_BYTES;
  for (;;) {
    await spool.beyond(acknowledged, signal);
    if (signal.aborted) return;
    if (spool.written <= acknowledged) return;
    const sentAt = performance.now();
    const offset = acknowledged;
    const bytes = await spool.read(offset, most);
    let answer: LogAppend;
    try {
      answer = await untilAnswered(() => api.appendLog(lease, offset, bytes, signal), backOff, signal);
    } catch (error) {
      if (error instanceof ServerRefusal && error.status === 413 && most > 1024) {
        most = Math.ceil(most / 4);
        continue;
      }
      if (error instanceof ServerRefusal) return onGivenUp(error.message);
      throw error;
    }
    if (answer.kind === 'conflict') return onGivenUp('the server holds other bytes at this place');
    if (answer.length > spool.written)
      return onGivenUp(`the server holds ${answer.length} bytes and only ${spool.written} were written here`);
    resyncsInARow = answer.kind === 'resync' ? resyncsInARow + 1 : 0;
    if (resyncsInARow > 3) return onGivenUp('the server and the runner do not agree on the length of the log');
    acknowledged = answer.length;
    if (bytes.length < FULL_ENOUGH_BYTES) await gather(spool, acknowledged, sentAt, signal);
  }
}

async function gather(spool: LogSpool, acknowledged: number, sentAt: number, signal: AbortSignal): Promise<void> {
  const rest = SMALL_CHUNK_PAUSE_MS - (performance.now() - sentAt);
  if (rest <= 0 || spool.closed) return;
  const enough = new AbortController();
  const both = AbortSignal.any([signal, enough.signal]);
  await Promise.race([
    pause(rest, undefined, { signal: both }).catch(() => undefined),
    spool.beyond(acknowledged + FULL_ENOUGH_BYTES, both),
  ]);
  enough.abort();
}
