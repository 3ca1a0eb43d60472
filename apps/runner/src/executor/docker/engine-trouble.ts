import { ExecutorTrouble, JobRefused } from '../executor.port.ts';

/** HTTP status of an engine's answer; undefined when it did not answer. */
export function engineStatus(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

/** Gives everything the engine throws one name; the run's own outcomes and the caller's abort pass. */
export function toTrouble(error: unknown, doing: string): Error {
  if (error instanceof ExecutorTrouble || error instanceof JobRefused) return error;
  if (error instanceof Error && error.name === 'AbortError') return error;
  return new ExecutorTrouble('engine', `The container engine could not ${doing}: ${wordsOf(error)}`, { cause: error });
}

/** The engine's own sentence without the client's "(HTTP code 500) server error - " in front. */
export function wordsOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^\(HTTP code \d+\) [^-]*- /, '').trim();
}

/** Runs a removal; what is gone already counts as removed. */
export async function removed(removal: () => Promise<unknown>): Promise<void> {
  try {
    await removal();
  } catch (error) {
    if (engineStatus(error) !== 404) throw error;
  }
}
