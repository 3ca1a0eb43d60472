import { expect, it } from 'vitest';
import { simulate } from '../simulate.ts';

/** Every second seed from `first` on. */
export function simulateSeeds(first: number, count: number): void {
  it(
    `I01-I22 I24 I26-I34: ${count} seeds of 500 commands, each then left to come to rest, break nothing`,
    { timeout: 600_000 },
    () => {
      let runs = 0;
      for (let seed = first; seed < first + count * 2; seed += 2) {
        const result = simulate({ seed });
        const { violation } = result;
        runs += result.runs;
        if (violation) expect.fail(`SLUICE_SEED=${seed} npm run simulate shows it: ${violation.message}`);
      }
      expect(runs).toBeGreaterThan(count);
    },
  );
}
