import type { Violation } from './check-history.ts';
import type { Acknowledged } from './history.ts';
import type { PlayedFault } from './nemesis.ts';

export interface ChaosReport {
  readonly seed: number;
  readonly minutes: number;
  readonly faults: readonly PlayedFault[];
  /** By kind of call. */
  readonly acknowledged: Readonly<Record<string, number>>;
  /** By status. */
  readonly runs: Readonly<Record<string, number>>;
  /** By status. */
  readonly attempts: Readonly<Record<string, number>>;
  readonly deploymentsStarted: number;
  readonly settledAfterSeconds: number;
  readonly violations: readonly Violation[];
}

export function countBy<T>(list: readonly T[], keyOf: (one: T) => string): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const one of list) counted[keyOf(one)] = (counted[keyOf(one)] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counted).sort(([one], [two]) => one.localeCompare(two)));
}

export function countCalls(acknowledged: readonly Acknowledged[]): Record<string, number> {
  return countBy(acknowledged, ({ kind }) => kind);
}

/** The report as a short table for people. */
export function describeChaos(report: ChaosReport): string {
  const list = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([what, times]) => `${times} ${what}`)
      .join(', ') || 'none';
  const faults = countBy(report.faults, ({ kind }) => kind);
  return [
    `seed ${report.seed}, faults for ${report.minutes} min, at rest ${report.settledAfterSeconds} s later`,
    '',
    ...Object.entries(faults).map(([kind, times]) => `  ${String(times).padStart(4)}  ${kind}`),
    `  ${String(report.faults.length).padStart(4)}  faults in all`,
    '',
    `  acknowledged calls held against what is stored: ${list(report.acknowledged)}`,
    `  runs: ${list(report.runs)}`,
    `  attempts: ${list(report.attempts)}`,
    `  deployments started: ${report.deploymentsStarted}`,
    `  violations: ${report.violations.length}`,
    ...report.violations.map(({ invariant, what }) => `    ${invariant}  ${what}`),
  ].join('\n');
}
