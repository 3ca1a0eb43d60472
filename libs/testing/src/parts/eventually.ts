import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';

export interface EventuallyOptions {
  /** How long to keep asking, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  /** Pause between two questions, in milliseconds. Default 50. */
  readonly everyMs?: number;
  /** What is awaited, as it reads after "waited ... for". */
  readonly describe?: string;
  /** Errors after which asking on is pointless: thrown at once as they are. */
  readonly giveUpOn?: (error: unknown) => boolean;
}

/**
 * Asks until `probe` answers with a truthy value and returns that value. A probe that throws counts as "not yet".
 * After the deadline it throws one error that names what was awaited and shows the last answer.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 50, describe = 'a condition', giveUpOn }: EventuallyOptions = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  let last = 'nothing yet';
  let cause: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value;
      last = inspect(value, { depth: 4, breakLength: 120 });
      cause = undefined;
    } catch (error) {
      if (giveUpOn?.(error)) throw error;
      last = error instanceof Error ? `${error.name}: ${error.message}` : inspect(error);
      cause = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`Waited ${timeoutMs} ms for ${describe}; last answer: ${last}`, { cause });
    }
    await pause(everyMs);
  }
}
