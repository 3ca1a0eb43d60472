import type { Order } from './ranking.ts';

export class InvalidOrder extends Error {}

/** An order out of parsed JSON; throws InvalidOrder with a sentence for the sender. */
export function readOrder(value: unknown, now: Date): Order {
  const { id, at, skus } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (typeof id !== 'string' || !/^[\w-]{1,64}$/.test(id))
    throw new InvalidOrder('id must be 1 to 64 letters, digits, "_" or "-".');
  if (!Array.isArray(skus) || skus.length === 0 || skus.length > 200)
    throw new InvalidOrder('skus must be a list of 1 to 200 products.');
  if (!skus.every((sku): sku is string => typeof sku === 'string' && /^[\w-]{1,64}$/.test(sku))) {
    throw new InvalidOrder('each of skus must be 1 to 64 letters, digits, "_" or "-".');
  }
  const placed = at === undefined ? now : new Date(typeof at === 'string' ? at : Number.NaN);
  if (Number.isNaN(placed.getTime())) throw new InvalidOrder('at must be a time such as 2026-01-31T12:00:00Z.');
  return { id, at: placed, skus: [...new Set(skus)] };
}
