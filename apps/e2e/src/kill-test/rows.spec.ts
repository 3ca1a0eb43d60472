import { describe, expect, it } from 'vitest';
import { rowDifferences } from './rows.ts';

const undisturbed = { run: [{ status: 'passed' }], attempts: [{ number: 1 }], logs: [{ asSealed: true }] };

describe('rowDifferences', () => {
  it('finds none between equal rows', () => {
    expect(rowDifferences(structuredClone(undisturbed), undisturbed)).toEqual([]);
  });

  it.each([
    ['another value', { ...undisturbed, run: [{ status: 'failed' }] }, /^run: .*failed.*undisturbed it is .*passed/],
    ['a row twice', { ...undisturbed, attempts: [{ number: 1 }, { number: 1 }] }, /^attempts: /],
    ['rows in another order', { ...undisturbed, run: [{ status: 'passed' }, {}] }, /^run: /],
    ['a table that is missing', { run: undisturbed.run, attempts: undisturbed.attempts }, /^logs: undefined/],
    ['a table that is too much', { ...undisturbed, more: [] }, /^more: /],
  ])('tells of %s', (_, is, sentence) => {
    expect(rowDifferences(is, undisturbed)).toEqual([expect.stringMatching(sentence)]);
  });
});
