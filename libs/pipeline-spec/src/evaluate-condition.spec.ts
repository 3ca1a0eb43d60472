import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConditionFacts } from './condition-scope.ts';
import { ConditionError, evaluateCondition, patternsOfCondition } from './evaluate-condition.ts';

const FACTS: ConditionFacts = {
  event: 'push',
  branch: 'main',
  tag: '',
  changed: { 'docs/**': true, 'src/**': false },
  inputs: { level: 'high', dry: false, n: 3 },
  matrix: { node: '24' },
  jobs: {
    commit: {
      verify: { status: 'passed', outputs: { url: 'https://x' } },
      'end-to-end': { status: 'failed', outputs: {} },
    },
    build: { image: { status: 'skipped', outputs: {} } },
    test: {},
  },
};

describe('evaluateCondition', () => {
  it.each([
    ['branch == "main"', true],
    ['branch in ["dev", "main"]', true],
    ['event == "manual" || tag != ""', false],
    ['changed("docs/**")', true],
    ['changed("src/**")', false],
    ['changed("never/asked")', true],
    ['inputs.level == "high" && !inputs.dry && inputs.n > 2 && inputs.n == 3', true],
    ['matrix.node == "24"', true],
    ['commit.verify.outputs.url.startsWith("https")', true],
    ['commit["end-to-end"].status == "failed" && build.image.status == "skipped"', true],
  ])('%s is %s', (text, expected) => {
    expect(evaluateCondition(text, FACTS)).toBe(expected);
  });

  it('a stored condition that asks for what is not there is trouble of ours, never a guess', () => {
    expect(() => evaluateCondition('commit.lint.status == "x"', FACTS)).toThrow(ConditionError);
    expect(() => evaluateCondition('branch', FACTS)).toThrow('could not be decided');
    expect(() => evaluateCondition('branch.matches("(a+)+$")', FACTS)).toThrow(ConditionError);
  });

  it('A44: names that every object inherits are not there', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      expect(() => evaluateCondition(`commit.${name} == "x"`, FACTS)).toThrow(ConditionError);
      expect(() => evaluateCondition(`inputs["${name}"] == "x"`, FACTS)).toThrow(ConditionError);
    }
  });

  it('A44: any text gives true, false or a ConditionError (property)', () => {
    const word = fc.constantFrom(
      'branch',
      'commit',
      '.verify',
      '.status',
      '["x"]',
      '==',
      '!',
      '&&',
      '(',
      ')',
      '"main"',
      '3',
      'changed',
      'in',
      '[',
      ']',
      '?',
      ':',
      ',',
      '.exists',
      '{',
      '}',
      ' ',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(word, { maxLength: 20 }).map((words) => words.join('')),
    );
    fc.assert(
      fc.property(text, (condition) => {
        try {
          return typeof evaluateCondition(condition, FACTS) === 'boolean';
        } catch (error) {
          return error instanceof ConditionError;
        }
      }),
      { numRuns: 500, seed: 7 },
    );
  });

  it('names the patterns that must be looked up', () => {
    expect(patternsOfCondition('changed("a") || (changed("b/**") && !changed("a"))')).toEqual(['a', 'b/**']);
    expect(patternsOfCondition('branch == "main"')).toEqual([]);
  });
});
