import { TargetSilentError, TargetUnusableError } from '../target.port.ts';

/** Status of the engine's answer; undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown }).statusCode;
  return typeof status === 'number' ? status : undefined;
}

/** The engine's own words, without the client's decoration. */
export function engineSays(error: unknown): string {
  const { json, message } = error as { json?: { message?: unknown } | null; message?: unknown };
  const words = typeof json?.message === 'string' ? json.message : String(message ?? error);
  return words.trim().slice(0, 600);
}

/** Null for what does not exist; anything without an answer is silence. */
export async function lookUp<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw asSilent(error);
  }
}

/** While looking, an answer that says anything else than "there" or "not there" tells nothing either. */
export function asSilent(error: unknown): Error {
  if (error instanceof TargetSilentError || error instanceof TargetUnusableError) return error;
  return new TargetSilentError(
    `the engine ${statusOf(error) === undefined ? 'does not answer' : 'answers with an error'} (${engineSays(error)})`,
    { cause: error },
  );
}
