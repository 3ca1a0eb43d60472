import { createHash } from 'node:crypto';
import type { Actor } from '@sluice/engine';

export const FIRST_HASH = '0'.repeat(64);

export interface HashedEntry {
  /** ISO 8601 with milliseconds. */
  readonly at: string;
  readonly teamId: string | null;
  readonly actor: Actor;
  readonly action: string;
  readonly subject: string;
  readonly detail: Record<string, unknown>;
}

/** Each entry's hash covers the one before it, so a changed or missing entry shows in every later one. */
export function hashEntry(previousHash: string, entry: HashedEntry): string {
  const text = canonical([
    previousHash,
    entry.at,
    entry.teamId,
    entry.actor,
    entry.action,
    entry.subject,
    entry.detail,
  ]);
  return createHash('sha256').update(text).digest('hex');
}

/** Keys in order: jsonb does not keep the order in which they were written. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  const pairs = Object.entries(value)
    .filter(([, part]) => part !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${pairs.map(([key, part]) => `${JSON.stringify(key)}:${canonical(part)}`).join(',')}}`;
}
