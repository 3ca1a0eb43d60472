import { setTimeout as pause } from 'node:timers/promises';
import type { LeaseKey, RunnerApi } from '../server/runner-api.ts';
import { LeaseLost } from '../server/server-answer.ts';

export interface LeaseWatch {
  /** The server wants the attempt ended; told once. */
  readonly onCancel: () => void;
  /** Someone else holds the attempt by now; told once, and no call is made afterwards. */
  readonly onLost: () => void;
  readonly onTrouble: (error: Error) => void;
}

const LONGEST_RENEW_MS = 10_000;

/**
 * Renews a lease with timers of its own until it is disposed, whatever the job does meanwhile. An unreachable server never ends
 * a job from here: whether the lease still lives is the server's decision, told with the next answer. Durations only, no clock
 * reading, so a wrong or jumping clock changes nothing (F24).
 */
export function keepLease(api: RunnerApi, lease: LeaseKey, renewSeconds: number, watch: LeaseWatch): Disposable {
  const stop = new AbortController();
  void renewUntilStopped(api, lease, renewSeconds * 1000, watch, stop.signal);
  return { [Symbol.dispose]: () => stop.abort() };
}

async function renewUntilStopped(
  api: RunnerApi,
  lease: LeaseKey,
  everyMs: number,
  watch: LeaseWatch,
  signal: AbortSignal,
): Promise<void> {
  let cancelTold = false;
  let failed = false;
  for (;;) {
    try {
      await pause(failed ? Math.min(everyMs, 2000) : everyMs, undefined, { signal, ref: true });
    } catch {
      return;
    }
    try {
      const { cancel } = await api.renew(lease, Math.min(Math.max(everyMs, 1000), LONGEST_RENEW_MS), signal);
      failed = false;
      if (signal.aborted) return;
      if (cancel && !cancelTold) {
        cancelTold = true;
        watch.onCancel();
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof LeaseLost) return watch.onLost();
      failed = true;
      watch.onTrouble(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
