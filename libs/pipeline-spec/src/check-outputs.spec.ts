import { describe, expect, it } from 'vitest';
import { checkDefinition } from './check-definition.ts';

const FILE = (from: string, needs = '[]'): string => `service: a
commit:
  jobs:
    version: { image: 'node:24', steps: [{ run: x }], outputs: [number, url] }
    other: { image: 'node:24', steps: [{ run: x }], outputs: [x] }
    reader:
      image: node:24
      needs: ${needs}
      env: { V: { from: ${from} }, W: plain }
      steps: [{ run: x }]
test:
  jobs:
    late: { image: 'node:24', steps: [{ run: x, env: { V: { from: commit.version.outputs.url } } }] }
`;

describe('outputs', () => {
  it('are read by jobs that need the writer, and by later stages', () => {
    const { definition, findings } = checkDefinition(FILE('commit.version.outputs.number', 'version'), 'f');
    expect(findings).toEqual([]);
    expect(definition?.commit?.jobs['reader']).toMatchObject({
      env: { W: 'plain' },
      envFrom: { V: { stage: 'commit', job: 'version', output: 'number' } },
    });
    expect(definition?.test?.jobs['late']?.steps[0]?.envFrom).toEqual({
      V: { stage: 'commit', job: 'version', output: 'url' },
    });
  });

  it.each([
    [
      'commit.version.outputs.number',
      'output-not-reachable',
      'may not have ended when "reader" starts; add it to `needs`',
    ],
    ['commit.version.outputs.nuber', 'output-unknown', 'Did you mean `number`?', 'version'],
    ['commit.verson.outputs.number', 'output-not-reachable', 'has no job "verson". Did you mean `version`?', 'version'],
    ['test.late.outputs.x', 'output-not-reachable', 'may not have ended'],
    ['build.image.outputs.digest', 'bad-output-reference', 'write `<stage>.<job>.outputs.<name>`'],
    ['version.number', 'bad-output-reference', 'is not an output'],
  ])('A44: %s is refused with %s', (from, rule, words, needs = '[]') => {
    const { findings } = checkDefinition(FILE(from, needs), 'f');
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ rule, path: 'commit.jobs.reader.env.V.from', line: 9, column: 25 });
    expect(findings[0]?.message).toContain(words);
  });

  it.each([
    ['[1a]', 'bad-value'],
    ['[a-b]', 'bad-value'],
    ['{}', 'wrong-type'],
    ['[a, a]', 'duplicate-entry'],
  ])('a declaration %s gives %s', (outputs, rule) => {
    const text = `service: a\ncommit: { jobs: { j: { image: 'a:1', steps: [{ run: x }], outputs: ${outputs} } } }`;
    expect(checkDefinition(text, 'f').findings.map((finding) => finding.rule)).toEqual([rule]);
  });
});

describe('retries, time limits and allowed failure', () => {
  it('are read with their defaults', () => {
    const text = `service: a
commit:
  timeout: 1h
  jobs:
    j:
      image: a:1
      steps: [{ run: x, timeout: 5m }]
      allow_failure: true
      retry: { exit: [75, 137], times: 3, delay: 10s, factor: 2 }
`;
    const { definition, findings } = checkDefinition(text, 'f');
    expect(findings).toEqual([]);
    expect(definition?.commit).toMatchObject({
      timeoutSeconds: 3600,
      jobs: {
        j: {
          allowFailure: true,
          steps: [{ timeoutSeconds: 300 }],
          retry: { on: ['lost'], exit: [75, 137], times: 3, delaySeconds: 10, factor: 2 },
        },
      },
    });
  });

  it.each([
    ['retry: { exit: [0] }', 'bad-value', 'exit[0]'],
    ['retry: { exit: [256] }', 'bad-value', 'exit[0]'],
    ['retry: { delay: soon }', 'bad-duration', 'delay'],
    ['retry: { factor: 11 }', 'bad-value', 'factor'],
    ['retry: { on: [slow] }', 'bad-value', 'on[0]'],
    ['allow_failure: maybe', 'wrong-type', 'allow_failure'],
    ['continue-on-error: true', 'unknown-key', 'continue-on-error'],
  ])('%s is refused', (line, rule, where) => {
    const text = `service: a\ncommit: { jobs: { j: { image: 'a:1', steps: [{ run: x }], ${line} } } }`;
    const [finding, ...more] = checkDefinition(text, 'f').findings;
    expect(more).toEqual([]);
    expect(finding?.rule).toBe(rule);
    expect(finding?.path).toContain(where);
  });
});
