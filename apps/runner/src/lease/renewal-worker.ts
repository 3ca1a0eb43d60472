import { setPriority } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { LeaseLost, ServerUnreachable, toError } from '../server/server-answer.ts';
import type { KeepMessage, RenewalNews, RenewalOrder } from './renewal-messages.ts';

/** The other side of `RenewalThread`: loops of timer and call, and nothing that a job could hold up. */
const LONGEST_RENEW_MS = 10_000;
const AGAIN_MS = 2000;
const held = new Map<number, AbortController>();

try {
  // Of this thread alone, where we may: a machine full of hungry jobs still renews.
  setPriority(-10);
} catch {
  // Without the right to it, it is as good as the others.
}

parentPort?.on('message', (order: RenewalOrder) => {
  if (order.kind === 'drop') {
    held.get(order.id)?.abort();
    held.delete(order.id);
    return;
  }
  const stop = new AbortController();
  held.set(order.id, stop);
  void renewUntilStopped(order, stop.signal);
});

function tell(news: RenewalNews): void {
  parentPort?.postMessage(news);
}

/**
 * An unreachable server never ends a job from here: whether the lease still lives is the server's decision, told with the next answer.
 * Durations only, no clock reading, so a wrong or jumping clock changes nothing (F24).
 */
async function renewUntilStopped(order: KeepMessage, signal: AbortSignal): Promise<void> {
  const { id, everyMs } = order;
  let cancelTold = false;
  let failed = false;
  for (;;) {
    try {
      await pause(failed ? Math.min(everyMs, AGAIN_MS) : everyMs, undefined, { signal });
    } catch {
      return;
    }
    try {
      const cancel = await renew(order, signal);
      failed = false;
      if (signal.aborted) return;
      if (cancel && !cancelTold) {
        cancelTold = true;
        tell({ kind: 'cancel', id });
      }
    } catch (error) {
      if (signal.aborted) return;
      // No call is made afterwards.
      if (error instanceof LeaseLost) return tell({ kind: 'lost', id });
      failed = true;
      tell({ kind: 'trouble', id, message: error instanceof Error ? error.message : String(error) });
    }
  }
}

/** Whether the attempt shall end. As in `RunnerApi`, without what only other calls need: a thread of its own loads all it uses anew. */
async function renew({ lease, everyMs, base, token }: KeepMessage, signal: AbortSignal): Promise<boolean> {
  const deadline = AbortSignal.timeout(Math.min(Math.max(everyMs, 1000), LONGEST_RENEW_MS));
  const response = await fetch(`${base}/runner/attempts/${lease.attemptId}/renew`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ epoch: lease.epoch }),
    redirect: 'error',
    signal: AbortSignal.any([deadline, signal]),
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw toError(response.status, body);
  const cancel = (body as { readonly cancel?: unknown } | undefined)?.cancel;
  if (typeof cancel !== 'boolean') throw new ServerUnreachable('The answer to a renewal does not say whether to go on');
  return cancel;
}
