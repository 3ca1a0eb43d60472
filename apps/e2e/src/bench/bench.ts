import type { World } from '../world/world.ts';

/** One figure of the speed budget, measured next to its limit in the same run. */
export interface BenchResult {
  readonly name: string;
  /** In words, as the design states it. */
  readonly budget: string;
  /** Medians over the rounds, in `unit`. */
  readonly ours: number;
  readonly limit: number;
  readonly unit: 'ms' | 'MiB' | '/s';
  /** `ours` as a share of what the budget allows; at most 1 is within it. */
  readonly ofBudget: number;
  readonly within: boolean;
  readonly rounds: readonly { readonly ours: number; readonly limit: number }[];
  readonly note?: string;
  /** Where the time goes: medians over the rounds, in ms, by part of the work. */
  readonly spent?: Readonly<Record<string, number>>;
}

export interface BenchContext {
  readonly world: World;
  readonly rounds: number;
  say(line: string): void;
}

export type Bench = (context: BenchContext) => Promise<BenchResult>;

interface Measured {
  readonly name: string;
  readonly budget: string;
  readonly unit: BenchResult['unit'];
  /** Largest allowed value of `ours` for a measured limit; for rates the smallest. */
  readonly allowed: (limit: number) => number;
  readonly better?: 'lower' | 'higher';
  readonly note?: string;
}

/** Interleaves limit and product, round by round: a noisy minute then hits both. */
export async function interleave(
  { rounds, say }: BenchContext,
  about: Measured,
  measure: { readonly ours: (round: number) => Promise<number>; readonly limit: (round: number) => Promise<number> },
): Promise<BenchResult> {
  const results: { ours: number; limit: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const limit = await measure.limit(round);
    const ours = await measure.ours(round);
    results.push({ ours: round3(ours), limit: round3(limit) });
    say(`${about.name} round ${round + 1}: ${ours.toFixed(1)} against ${limit.toFixed(1)} ${about.unit}`);
  }
  const [ours, limit] = [median(results.map((one) => one.ours)), median(results.map((one) => one.limit))];
  const allowed = about.allowed(limit);
  const ofBudget = about.better === 'higher' ? allowed / ours : ours / allowed;
  return {
    name: about.name,
    budget: about.budget,
    ours,
    limit,
    unit: about.unit,
    ofBudget: round3(ofBudget),
    within: ofBudget <= 1,
    rounds: results,
    ...(about.note === undefined ? {} : { note: about.note }),
  };
}

/** One in twenty may be slow, but not more than twice as slow. */
export function withSpread(result: BenchResult, each: readonly number[], what: string): BenchResult {
  const [p50, p95] = [median(each), percentile(each, 0.95)];
  const ofBudget = Math.max(result.ofBudget, p95 / (2 * p50));
  return {
    ...result,
    budget: `${result.budget}; p95 <= 2x p50`,
    ofBudget: round3(ofBudget),
    within: ofBudget <= 1,
    note: `${result.note} ${each.length} ${what}: p50 ${p50} ms, p95 ${p95} ms.`,
  };
}

/** Each part's median over the rounds. */
export function withSpent(result: BenchResult, rounds: readonly Readonly<Record<string, number>>[]): BenchResult {
  const parts = Object.keys(rounds[0] ?? {});
  const spent = parts.map((part) => [part, round3(median(rounds.map((round) => round[part] ?? 0)))]);
  return { ...result, spent: Object.fromEntries(spent) };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
