import { describe, expect, it } from 'vitest';
import { chosenInputs } from './chosen-inputs.ts';

const DECLARED = {
  level: { type: 'choice', options: ['low', 'high'], default: 'low' },
  dry: { type: 'boolean', default: false },
  n: { type: 'number', default: 0 },
  note: { type: 'text', default: '' },
} as const;

describe('chosenInputs', () => {
  it('takes what fits', () => {
    const chosen = { level: 'high', dry: true, n: 3, note: '$(id)' };
    expect(chosenInputs(DECLARED, chosen)).toEqual(chosen);
    expect(chosenInputs(DECLARED, {})).toEqual({});
  });

  it.each([
    [
      { levle: 'low' },
      'unknown-input',
      'inputs.levle: the definition declares no such input; it has level, dry, n, note.',
    ],
    [
      { constructor: 'x' },
      'unknown-input',
      'inputs.constructor: the definition declares no such input; it has level, dry, n, note.',
    ],
    [{ level: 'medium' }, 'bad-input', 'inputs.level: choose one of low, high.'],
    [{ dry: 'yes' }, 'bad-input', 'inputs.dry: give true or false.'],
    [{ n: 1.5 }, 'bad-input', 'inputs.n: give a whole number.'],
    [
      { level: 'medium', n: '3', dry: true },
      'bad-input',
      'inputs.level: choose one of low, high. inputs.n: give a whole number.',
    ],
    [{ note: 'a\0b' }, 'bad-input', 'inputs.note: give text of at most 1000 characters.'],
  ])('%o is refused', (chosen, code, message) => {
    expect(() => chosenInputs(DECLARED, chosen as Record<string, string>)).toThrow(
      expect.objectContaining({ status: 422, code, message }),
    );
  });
});
