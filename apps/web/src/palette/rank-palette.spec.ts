import { expect, it } from 'vitest';
import { rankPalette } from './rank-palette.ts';

const entries = [
  { key: '1', name: 'Board', group: 'Go to' },
  { key: '2', name: 'catalog', group: 'Services' },
  { key: '3', name: 'mobile-bff', group: 'Services' },
  { key: '4', name: 'catalog #1287', match: 'catalog 1287 9f3c1e2', group: 'Runs', onlyWhenTyped: true },
];
const found = (words: string): string[] => rankPalette(entries, words).map(({ name }) => name);

it('finds names fuzzily, and runs by number and commit', () => {
  expect(found('')).toEqual(['Board', 'catalog', 'mobile-bff']);
  expect(found('bff')).toEqual(['mobile-bff']);
  expect(found('ctlg')).toEqual(['catalog', 'catalog #1287']);
  expect(found('catalog #1287')).toEqual(['catalog #1287']);
  expect(found('9f3c1e')).toEqual(['catalog #1287']);
  expect(found('zz')).toEqual([]);
});
