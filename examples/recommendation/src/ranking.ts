export interface Order {
  readonly id: string;
  /** When it was placed. */
  readonly at: Date;
  /** What was bought together, each once. */
  readonly skus: readonly string[];
}

export interface Recommendation {
  readonly sku: string;
  /** 0 to 1, rounded to 4 places. */
  readonly score: number;
  /** Orders that had both. */
  readonly together: number;
}

export interface RankingOptions {
  /** After this many days a purchase counts half. */
  readonly halfLifeDays?: number;
  readonly limit?: number;
}

const DAY_MS = 86_400_000;

/**
 * What goes with `sku`: products bought in the same orders, newer orders counting more. The shared weight is divided by the
 * geometric mean of both products' own weights (cosine similarity), or whatever sells most would go with everything.
 */
export function recommend(
  orders: Iterable<Order>,
  sku: string,
  now: Date,
  { halfLifeDays = 30, limit = 5 }: RankingOptions = {},
): Recommendation[] {
  const own = new Map<string, number>();
  const shared = new Map<string, { weight: number; together: number }>();
  for (const order of orders) {
    const weight = weightOf(order.at, now, halfLifeDays);
    const skus = new Set(order.skus);
    for (const one of skus) {
      own.set(one, (own.get(one) ?? 0) + weight);
      if (one === sku || !skus.has(sku)) continue;
      const before = shared.get(one) ?? { weight: 0, together: 0 };
      shared.set(one, { weight: before.weight + weight, together: before.together + 1 });
    }
  }
  const base = own.get(sku) ?? 0;
  return [...shared]
    .map(([other, { weight, together }]) => ({
      sku: other,
      score: similarity(weight, base, own.get(other) ?? 0),
      together,
    }))
    .sort((a, b) => b.score - a.score || b.together - a.together || (a.sku < b.sku ? -1 : 1))
    .slice(0, limit);
}

/** 1 for now (and for a clock that runs ahead), half of it with each half-life. */
export function weightOf(at: Date, now: Date, halfLifeDays: number): number {
  const days = Math.max(0, now.getTime() - at.getTime()) / DAY_MS;
  return 0.5 ** (days / halfLifeDays);
}

function similarity(shared: number, one: number, other: number): number {
  // Weights of very old orders vanish to zero; nothing is known about them any more.
  const scale = Math.sqrt(one * other);
  return scale === 0 ? 0 : Math.round((shared / scale) * 10_000) / 10_000;
}
