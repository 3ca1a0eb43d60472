import { expect, test } from 'vitest';
import { IdleCollection } from './idle-collection.ts';

const MIB = 1024 * 1024;

/** Plays looks of [busy, MiB in use] and says at which of them garbage was collected; a collection leaves 100 MiB. */
function collectedAt(looks: readonly (readonly [busy: number, mib: number])[]): number[] {
  const collected: number[] = [];
  let [at, size] = [0, 0];
  const collection = new IdleCollection({
    busy: () => looks[at]![0],
    size: () => size,
    collect: () => {
      collected.push(at);
      size = 100 * MIB;
    },
  });
  for (at = 0; at < looks.length; at += 1) {
    size = looks[at]![1] * MIB;
    collection.look();
  }
  return collected;
}

const aMinute = (mib: number) => Array.from({ length: 12 }, () => [0, mib] as const);

test.each([
  ['the first rest after the start', [[0.9, 200], [0.01, 200], ...aMinute(105)], [1]],
  [
    'no time while there is work',
    [
      [0.9, 300],
      [0.5, 400],
      [0.2, 500],
    ],
    [],
  ],
  ['no rest after little growth', [[0, 200], ...aMinute(110), [0, 115]], [0]],
  ['a rest after much growth', [[0, 200], ...aMinute(101), [0.8, 300], [0, 300], [0, 101]], [0, 14]],
  ['most once a minute', [[0, 200], [0, 300], ...aMinute(300)], [0, 12]],
  ['growth counted from the least there was', [[0, 200], ...aMinute(80), [0, 97]], [0, 13]],
] as const)('memory is collected at %s', (_, looks, expected) => {
  expect(collectedAt(looks)).toEqual(expected);
});
