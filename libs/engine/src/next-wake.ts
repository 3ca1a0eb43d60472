import { STAGE_ORDER } from './plan-run.ts';
import type { Instant, RunState } from './run.ts';
import { deadlineOf } from './stage-timeout.ts';
import { isTerminal } from './statuses.ts';

/**
 * When time alone will change this run: a pause before a further attempt ends, or a stage runs out of time. The shell
 * sends `wake` then; too early, too late or twice does no harm. undefined = only commands move it.
 */
export function nextWakeAt(state: RunState): Instant | undefined {
  if (isTerminal(state.status) || state.cancelRequested) return undefined;
  const pauses = Object.values(state.jobs).flatMap(({ retryAt }) => retryAt ?? []);
  const deadlines = STAGE_ORDER.flatMap((stage) => deadlineOf(state, stage) ?? []);
  return [...pauses, ...deadlines].toSorted()[0];
}
