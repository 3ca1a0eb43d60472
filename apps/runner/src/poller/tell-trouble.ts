import { setTimeout as pause } from 'node:timers/promises';
import type { Fitness } from '../fitness.ts';
import type { RunnerApi } from '../server/runner-api.ts';

const TELL_EVERY_MS = 10_000;

export interface TroubleTeller {
  readonly api: RunnerApi;
  readonly slots: number;
  readonly fitness: Fitness;
  readonly newId: () => string;
  readonly draining: AbortSignal;
}

/** While no work may be taken nobody polls for any: the server hears why, so that people see it, and that the runner lives. */
export async function tellTrouble({ api, slots, fitness, newId, draining }: TroubleTeller): Promise<void> {
  while (!draining.aborted) {
    const { trouble } = fitness;
    if (trouble === undefined) {
      await once(AbortSignal.any([fitness.unfitSignal(), draining]));
      continue;
    }
    // A lost word is said again soon.
    await api.poll(newId(), slots, { draining: true, trouble, signal: draining }).catch(() => undefined);
    await pause(TELL_EVERY_MS, undefined, { signal: draining }).catch(() => undefined);
  }
}

function once(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
