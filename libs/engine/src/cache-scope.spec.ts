import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cacheScopes } from './cache-scope.ts';
import type { CacheOrigin } from './cache-scope.ts';

// Names that somebody could choose to look like another scope stand beside plain ones.
const branch = fc.constantFrom(
  'main',
  'develop',
  'trusted:refs/heads/main',
  'untrusted:refs/heads/main',
  'refs/heads/main',
);
const ref = fc.oneof(
  branch.map((name) => `refs/heads/${name}`),
  branch.map((name) => `refs/tags/${name}`),
  fc.nat(3).map((number) => `refs/pull/${number}/head`),
  fc.string(),
);
const origin = (defaultBranch: string): fc.Arbitrary<CacheOrigin> =>
  fc.record({
    trust: fc.constantFrom('trusted' as const, 'untrusted' as const),
    ref,
    defaultBranch: fc.constant(defaultBranch),
  });
const pair = branch.chain((main) => fc.tuple(origin(main), origin(main)));
const reads = (reader: CacheOrigin, writer: CacheOrigin) =>
  cacheScopes(reader).read.includes(cacheScopes(writer).write);
const isMain = ({ trust, ref: place, defaultBranch }: CacheOrigin) =>
  trust === 'trusted' && place === `refs/heads/${defaultBranch}`;
const same = (one: CacheOrigin, other: CacheOrigin) => one.trust === other.trust && one.ref === other.ref;

describe('I25 A65 who sees whose caches', () => {
  test('a run reads its own scope first', () => {
    fc.assert(fc.property(pair, ([run]) => cacheScopes(run).read[0] === cacheScopes(run).write));
  });

  test('nothing crosses the border of trust, in either direction', () => {
    fc.assert(fc.property(pair, ([one, other]) => one.trust === other.trust || !reads(one, other)));
  });

  test('of others, a trusted run reads what the default branch wrote, and nothing else', () => {
    fc.assert(
      fc.property(pair, ([reader, writer]) => {
        const expected = same(reader, writer) || (reader.trust === 'trusted' && isMain(writer));
        expect(reads(reader, writer)).toBe(expected);
      }),
    );
  });

  test('the default branch reads its own alone', () => {
    fc.assert(fc.property(pair, ([main, writer]) => !isMain(main) || same(main, writer) || !reads(main, writer)));
  });
});
