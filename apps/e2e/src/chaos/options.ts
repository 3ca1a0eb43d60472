import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

export interface ChaosOptions {
  readonly minutes: number;
  readonly seed: number;
  /** Where the whole report goes, as JSON. */
  readonly out: string;
}

/** `--minutes N [--seed S] [--out file]`. Throws one sentence. */
export function readChaosOptions(args: readonly string[], newSeed: () => number): ChaosOptions {
  const { values } = parseArgs({
    args: [...args],
    options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' }, out: { type: 'string' } },
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 24 * 60))
    throw new Error(`--minutes is how long faults go on, up to 1440, not ${values.minutes}.`);
  const seed = values.seed === undefined ? newSeed() : Number(values.seed);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new Error(`--seed is a whole number from 0 on, not ${values.seed}.`);
  return { minutes, seed, out: values.out ?? join(tmpdir(), `sluice-chaos-${seed}.json`) };
}
