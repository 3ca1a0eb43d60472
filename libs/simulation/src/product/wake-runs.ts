import type { Task } from '../kernel/kernel.ts';
import type { Replica } from './replica.ts';
import { applyToRun } from './run-store.ts';

export const WAKE_MS = 1_000;

/** features/runs/wake-runs.ts */
export function* wakeRuns(replica: Replica): Task {
  const { store } = replica.at;
  yield store.statement();
  const due = store.rows('runs').filter(({ wakeAt }) => wakeAt !== null && wakeAt <= replica.now);
  for (const { id } of due) yield* replica.transaction((unit) => applyToRun(replica, unit, id, { type: 'wake' }));
}
