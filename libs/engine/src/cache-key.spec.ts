import { expect, test } from 'vitest';
import { cacheKey } from './cache-key.ts';

const CACHE = { key: 'npm', files: ['package-lock.json'], paths: ['node_modules'], restore: ['npm', 'n'] };

test('the key is its text and the hash of the files', () => {
  expect(cacheKey({}, CACHE, 'ab12')).toEqual({ key: 'npm-ab12', prefixes: ['npm', 'n'], paths: '["node_modules"]' });
  expect(cacheKey({}, CACHE, null).key).toBe('npm');
});

test('variants of a matrix do not share, not by beginnings of keys either', () => {
  const of = (node: string) => cacheKey({ variant: { of: 'unit', values: { node, os: 'a' } } }, CACHE, 'ab12');
  expect(of('22')).toMatchObject({ key: 'node=22,os=a/npm-ab12', prefixes: ['node=22,os=a/npm', 'node=22,os=a/n'] });
  expect(of('24').key.startsWith(of('22').prefixes[1]!)).toBe(false);
  expect(of('22').key.startsWith(cacheKey({}, CACHE, null).prefixes[1]!)).toBe(true);
});
