import type { PoolLoad } from '../catalog/index.ts';

const FIGURES = [
  ['queued', 'Attempts of jobs that are ready and wait for a runner.'],
  ['running', 'Attempts that a runner holds.'],
  ['slots', 'Slots of connected runners that take work.'],
  ['runners', 'Connected runners that take work.'],
  ['wanted', 'Slots with which nothing would wait.'],
] as const satisfies readonly (readonly [keyof PoolLoad, string])[];

/** The text format of Prometheus. Names of pools are slugs, so they need no escapes. */
export function metricsText(loads: readonly PoolLoad[]): string {
  return FIGURES.map(([figure, help]) => {
    const name = `sluice_pool_${figure}`;
    const lines = loads.map((load) => `${name}{pool="${load.pool}"} ${load[figure]}\n`);
    return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('')}`;
  }).join('');
}
