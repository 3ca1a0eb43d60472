import { setTimeout as pause } from 'node:timers/promises';
import { ServerUnreachable } from './server-answer.ts';

export interface BackOff {
  readonly firstMs: number;
  /** No pause is longer, so work goes on at most this long after the server is back (I33 allows 60 s). */
  readonly longestMs: number;
  /** From 0 to 1. */
  readonly random: () => number;
}

export const SERVER_BACK_OFF = { firstMs: 200, longestMs: 5_000 } as const;

/** Pause before the next try, in milliseconds: doubled each time, with "full jitter" above a quarter of it. */
export function backOffMs(failures: number, { firstMs, longestMs, random }: BackOff): number {
  const ceiling = Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 20));
  return Math.round(ceiling * (0.25 + 0.75 * random()));
}

/** Repeats a call with the same content for as long as the server is not reachable; every other outcome is the caller's. */
export async function untilAnswered<T>(
  call: () => Promise<T>,
  backOff: BackOff,
  signal?: AbortSignal,
  onRetry?: (error: Error) => void,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ServerUnreachable) || signal?.aborted) throw error;
      onRetry?.(error);
    }
    await pause(backOffMs(failures, backOff), undefined, signal === undefined ? {} : { signal });
  }
}
