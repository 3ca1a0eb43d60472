import { describe, expect, it } from 'vitest';
import { choice, digits, flag, lineRange, text } from './search-params.ts';

describe('search params', () => {
  it.each([
    ['601', '601'],
    [601, '601'],
    ['604-601', '601-604'],
    ['5-5', '5'],
    ['0', undefined],
    ['1-2-3', undefined],
    ['<script>', undefined],
  ])('lines=%s reads as %s', (value, expected) => {
    expect(lineRange(value)).toBe(expected);
  });

  it('leaves out what it cannot read', () => {
    expect(choice('nonsense', ['log', 'tests'])).toBeUndefined();
    expect(digits('1.5')).toBeUndefined();
    expect(digits('')).toBeUndefined();
    expect(flag('no')).toBeUndefined();
    expect(text({})).toBeUndefined();
    expect(text(12)).toBe('12');
  });
});
