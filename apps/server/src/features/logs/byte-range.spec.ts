import { expect, it } from 'vitest';
import { byteRange } from './byte-range.ts';

it.each([
  [undefined, 10, { kind: 'whole' }],
  ['bytes=0-3', 10, { kind: 'part', from: 0, to: 4 }],
  ['bytes=5-', 10, { kind: 'part', from: 5, to: 10 }],
  ['bytes=5-500', 10, { kind: 'part', from: 5, to: 10 }],
  ['bytes=-4', 10, { kind: 'part', from: 6, to: 10 }],
  ['bytes=-40', 10, { kind: 'part', from: 0, to: 10 }],
  ['bytes=-0', 10, { kind: 'unsatisfiable' }],
  ['bytes=10-', 10, { kind: 'unsatisfiable' }],
  ['bytes=0-', 0, { kind: 'unsatisfiable' }],
  ['bytes=-5', 0, { kind: 'unsatisfiable' }],
  ['bytes=5-3', 10, { kind: 'whole' }],
  ['bytes=0-1,4-5', 10, { kind: 'whole' }],
  ['lines=0-3', 10, { kind: 'whole' }],
  ['bytes=a-b', 10, { kind: 'whole' }],
  ['bytes=99999999999999999999-', 10, { kind: 'whole' }],
])('range %s of %s bytes', (header, total, expected) => {
  expect(byteRange(header, total)).toEqual(expected);
});
