import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { checkDefinition } from './check-definition.ts';
import { RULES } from './rules.ts';

const KEYS = [
  'service',
  'team',
  'on',
  'push',
  'pull_request',
  'branches',
  'paths',
  'manual',
  'commit',
  'build',
  'test',
  'release',
  'jobs',
  'image',
  'steps',
  'run',
  'env',
  'secrets',
  'services',
  'needs',
  'timeout',
  'retry',
  'times',
  'reports',
  'junit',
  'resources',
  'cpus',
  'memory',
  'context',
  'repository',
  'args',
  'platforms',
  'environment',
  'matrix',
  'include',
  'exclude',
  'if',
  'when',
  'outputs',
  'from',
  'inputs',
  'type',
  'default',
  'options',
  'privileged',
  '__proto__',
  'constructor',
  '<<',
  'toString',
];
const WORDS = [
  'a',
  'built',
  'node:24',
  'main',
  '20m',
  '../x',
  '-v',
  'SLUICE_X',
  '${{ x }}',
  'r.io/a',
  'lost',
  'branch == "main"',
  'commit.a.status != "passed"',
  'commit.a.outputs.b',
  'choice',
  'failure',
  'docker.sock',
  '',
];

const scalar = fc.oneof(
  fc.constantFrom(...WORDS),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const key = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...KEYS) }, fc.string({ maxLength: 5 }));
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    scalar,
    fc.dictionary(key, tie('tree'), { maxKeys: 6 }),
    fc.array(tie('tree'), { maxLength: 4 }),
  ),
}));

/** A file that is nearly right: the known stages around arbitrary parts. */
const nearly = fc.record(
  {
    service: fc.constantFrom('a', 'B'),
    on: tree,
    commit: fc.record({
      jobs: fc.dictionary(
        fc.constantFrom('a', 'b', 'c'),
        fc.oneof(
          tree,
          fc.record({ image: scalar, steps: fc.array(fc.dictionary(key, scalar)), needs: tree, env: tree }),
        ),
      ),
    }),
    build: tree,
    test: tree,
    release: tree,
  },
  { requiredKeys: ['service'] },
);

const syntax = fc.string({
  unit: fc.constantFrom(
    'a',
    ':',
    ' ',
    '\n',
    '- ',
    '[',
    ']',
    '{',
    '}',
    '&a ',
    '*a',
    '!',
    '!!str ',
    '|',
    '>',
    '"',
    "'",
    '#',
    '%',
    '---',
    '\t',
    '? ',
    '<<',
    ',',
    '\r',
    '\u0000',
    '\ufeff',
    '\ud800',
    '…',
  ),
  maxLength: 60,
});

function expectAnswer(text: string): void {
  const { definition, findings } = checkDefinition(text, 'sluice.yaml');
  const lines = text.split('\n');
  for (const finding of findings) {
    expect(finding.rule).not.toBe('unreadable');
    expect(Object.hasOwn(RULES, finding.rule)).toBe(true);
    expect(finding.line).toBeGreaterThanOrEqual(1);
    expect(finding.line).toBeLessThanOrEqual(lines.length);
    expect(finding.column).toBeGreaterThanOrEqual(1);
    expect(finding.column).toBeLessThanOrEqual((lines[finding.line - 1] ?? '').length + 1);
    expect(finding.message).toMatch(/^\S[^\u0000-\u001f]*[.?]$/);
    expect(finding.message).not.toContain('Invalid input');
  }
  expect(definition === undefined).toBe(findings.some((finding) => finding.severity === 'error'));
}

describe('checkDefinition, whatever the input', () => {
  it('A34-A44 arbitrary text never throws and every finding has a place (property)', () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 80 }), syntax), expectAnswer), {
      numRuns: 1500,
      seed: 34,
    });
  });

  it('A34-A44 arbitrary YAML never throws and every finding has a place (property)', () => {
    fc.assert(
      fc.property(fc.oneof(tree, nearly), (value) => expectAnswer(stringify(value))),
      { numRuns: 500, seed: 44 },
    );
  });

  it.each([undefined, null, 12, {}, []])('A36 a value that is no text, %j, is a finding', (value) => {
    expect(checkDefinition(value as unknown as string, 'f').findings).toHaveLength(1);
  });
});
