import { setTimeout as pause } from 'node:timers/promises';
import { ServerUnreachable } from './server-answer.ts';

export interface BackOff {
  readonly firstMs: number;
  /** No pause is longer, so work goes on at most this long after the server is back (I33 allows 60 s). */
  readonly longestMs: number;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** What a server may ask for: work goes on within a minute after it is back (I33). */
const LONGEST_ASKED_MS = 30_000;

export const SERVER_BACK_OFF = { firstMs: 200, longestMs: 5_000 } as const;

/** Pause before the next try, in milliseconds: doubled each time, with "full jitter" above a quarter of it. */
export function backOffMs(failures: number, { firstMs, longestMs, random }: BackOff): number {
  const ceiling = Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 20));
  return Math.round(ceiling * (0.25 + 0.75 * random()));
}

/** The same, and never shorter than the server asked for, in reason. */
export function pauseAfterMs(error: unknown, failures: number, backOff: BackOff): number {
  const asked = error instanceof ServerUnreachable ? Math.min(error.retryAfterMs, LONGEST_ASKED_MS) : 0;
  return Math.max(asked, backOffMs(failures, backOff));
}

/** Repeats a call with the same content for as long as the server is not reachable; every other outcome is the caller's. */
export async function untilAnswered<T>(
  call: () => Promise<T>,
  backOff: BackOff,
  signal?: AbortSignal,
  onRetry?: (error: Error) => void,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    let wait: number;
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ServerUnreachable) || signal?.aborted) throw error;
      onRetry?.(error);
      wait = pauseAfterMs(error, failures, backOff);
    }
    await pause(wait, undefined, signal === undefined ? {} : { signal });
  }
}
