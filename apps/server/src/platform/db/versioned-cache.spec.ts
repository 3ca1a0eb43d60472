import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VersionedCache } from './versioned-cache.ts';

const textOf = (id: string, version: number) => `${id}@${version}`;

test('gives for every row what its present version makes, whatever was asked before, and holds no more than it may', async () => {
  const row = fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd', 'e'), version: fc.nat({ max: 3 }) });
  const question = fc.uniqueArray(row, { selector: ({ id }) => id });
  await fc.assert(
    fc.asyncProperty(fc.array(question), fc.integer({ min: 1, max: 6 }), async (questions, most) => {
      const cache = new VersionedCache<string>(most);
      for (const rows of questions) {
        const answer = await cache.of(rows, async (unknown) =>
          Promise.resolve(new Map(unknown.map(({ id, version }) => [id, textOf(id, version)]))),
        );
        expect(answer).toEqual(new Map(rows.map(({ id, version }) => [id, textOf(id, version)])));
      }
    }),
  );
});

test('makes a value once for each version; the ones asked for longest ago go first; what cannot be made is asked again', async () => {
  const cache = new VersionedCache<string>(2);
  const made: string[] = [];
  const ask = (...rows: [string, number][]) =>
    cache.of(
      rows.map(([id, version]) => ({ id, version })),
      (unknown) => {
        made.push(...unknown.map(({ id, version }) => textOf(id, version)));
        return Promise.resolve(new Map(unknown.filter(({ id }) => id !== 'gone').map(({ id }) => [id, id])));
      },
    );
  await ask(['a', 1], ['b', 1]);
  await ask(['a', 1], ['b', 2]);
  await ask(['a', 1]);
  await ask(['c', 1]);
  await ask(['a', 1], ['b', 2]);
  expect(await ask(['gone', 1])).toEqual(new Map());
  await ask(['gone', 1]);
  expect(made).toEqual(['a@1', 'b@1', 'b@2', 'c@1', 'b@2', 'gone@1', 'gone@1']);
});
