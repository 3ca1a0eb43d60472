import type { Removed } from './schema.ts';

/** The two columns in which a row says that a part of it was removed. */
export function removedOf(at: Date | null, afterDays: number | null): Removed | null {
  return at && { at: at.toISOString(), afterDays: afterDays ?? 0 };
}
