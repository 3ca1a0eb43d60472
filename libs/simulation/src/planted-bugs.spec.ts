import { describe, expect, it } from 'vitest';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { shrink } from './search.ts';
import { simulate } from './simulate.ts';

describe('the simulation finds what is planted', () => {
  it.each(PLANTED_BUGS.map((bug) => [bug.name, bug] as const))('%s', (_, { breaks, seed, wiring }) => {
    expect(breaks).toContain(simulate({ seed, wiring }).violation?.id);
    // The same history without the bug breaks nothing: what was found is the bug.
    expect(simulate({ seed }).violation).toBeUndefined();
  });

  it('one seed is one history', () => {
    const histories = [1, 2].map(() => {
      const lines: string[] = [];
      simulate({ seed: 7, note: (line) => void lines.push(line) });
      return lines;
    });
    expect(histories[0]).toEqual(histories[1]);
    expect(histories[0]!.length).toBeGreaterThan(500);
  });

  it('leaves out the commands that a violation does not need', () => {
    const bug = PLANTED_BUGS.find(({ name }) => name === 'self-approval')!;
    const found = simulate({ seed: bug.seed, wiring: bug.wiring });
    const fewer = shrink({ seed: bug.seed, wiring: bug.wiring }, found, 60);
    expect(fewer.length).toBeLessThan(found.played / 2);
    expect(simulate({ seed: bug.seed, wiring: bug.wiring, commands: fewer }).violation?.id).toBe(found.violation?.id);
  });
});
