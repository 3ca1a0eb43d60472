import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesPattern } from './match-pattern.ts';

/** The same language as a regular expression; safe here because the texts are short. */
function asRegExp(pattern: string): RegExp {
  const plain = pattern.endsWith('/') ? `${pattern}**` : pattern;
  const source = plain
    .replace(/(^|\/)\*\*\//g, '$1\u0001')
    .replace(/(?<=\u0001)\*\*\//g, '\u0001')
    .replace(/\*\*/g, '\u0002')
    .replace(/\*/g, '[^/]*')
    .replace(/\?/g, '[^/]')
    .replace(/\u0001/g, '(?:[^]*/)?')
    .replace(/\u0002/g, '[^]*');
  return new RegExp(`^(?:${source})$`, 'u');
}

describe('matchesPattern', () => {
  it.each<[string, string, boolean]>([
    ['main', 'main', true],
    ['main', 'mainx', false],
    ['release/*', 'release/1.2', true],
    ['release/*', 'release/1/2', false],
    ['release/**', 'release/1/2', true],
    ['*', 'feature/x', false],
    ['**', 'feature/x', true],
    ['v?', 'v1', true],
    ['v?', 'v', false],
    ['v?', 'v/', false],
    ['?', '🦊', true],
    ['services/catalog/**', 'services/catalog/src/a.ts', true],
    ['services/catalog/**', 'services/catalog2/a.ts', false],
    ['services/catalog/', 'services/catalog/a/b', true],
    ['**/*.md', 'README.md', true],
    ['**/*.md', 'docs/a/b.md', true],
    ['a/**/b', 'a/b', true],
    ['a/**/b', 'a/x/y/b', true],
    ['a/**/b', 'a/xb', false],
    ['./a/*', 'a/b', true],
    ['*.ts', '.ts', true],
    ['a.c', 'abc', false],
    ['a+b(c)', 'a+b(c)', true],
    ['', '', false],
  ])('%s on %s: %s', (pattern, text, expected) => {
    expect(matchesPattern(pattern, text)).toBe(expected);
  });

  it('A33 agrees with a regular expression on short texts (property)', () => {
    const pattern = fc.string({
      unit: fc.constantFrom('a', 'b', '/', '*', '**', '**/', '?'),
      minLength: 1,
      maxLength: 7,
    });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (glob, path) => {
        fc.pre(!glob.includes('***'));
        expect(matchesPattern(glob, path)).toBe(asRegExp(glob).test(path));
      }),
      { numRuns: 4000, seed: 33 },
    );
  });
});
