import { expect, it } from 'vitest';
import { HitFinder } from './find-hits.ts';
import { LogLines } from './log-lines.ts';

it('finds what stands on screen, across colours, also in a line that still grows', () => {
  const lines = new LogLines();
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  lines.push(encode('Cache \u001b[32mca\u001b[0mche\nnothing\nca'));
  const finder = new HitFinder('cache', lines);
  finder.scan();
  expect(finder.hits).toEqual([
    { line: 0, nth: 0 },
    { line: 0, nth: 1 },
  ]);
  lines.push(encode('che\nCACHE'));
  finder.scan();
  finder.scan();
  expect(finder.hits.map(({ line }) => line)).toEqual([0, 0, 2, 3]);
});
