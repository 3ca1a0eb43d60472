import { describe, expect, it } from 'vitest';
import { checkDefinition } from './check-definition.ts';

const FILE = (use: string, needs = '[]') => `service: a
commit:
  jobs:
    compile: { image: 'node:24', steps: [{ run: x }], artifacts: { dist: dist, reports: [a/*.txt, b] } }
    each: { image: 'node:24', steps: [{ run: x }], artifacts: { dist: dist }, matrix: { n: [1, 2] } }
    reader:
      image: node:24
      needs: ${needs}
      use: ${use}
      steps: [{ run: x }]
test:
  jobs:
    late: { image: 'node:24', steps: [{ run: x }], use: [commit.compile.artifacts.dist] }
`;
const JOB = (more: string) => `service: a\ncommit: { jobs: { j: { image: 'a:1', steps: [{ run: x }], ${more} } } }`;

describe('artifacts', () => {
  it('are used by jobs that need the one that leaves them, and by later stages', () => {
    const { definition, findings } = checkDefinition(FILE('commit.compile.artifacts.reports', 'compile'), 'f');
    expect(findings).toEqual([]);
    expect(definition?.commit?.jobs['compile']?.artifacts).toEqual([
      { name: 'dist', paths: ['dist'] },
      { name: 'reports', paths: ['a/*.txt', 'b'] },
    ]);
    expect(definition?.commit?.jobs['reader']?.use).toEqual([{ stage: 'commit', job: 'compile', artifact: 'reports' }]);
    expect(definition?.test?.jobs['late']?.use).toEqual([{ stage: 'commit', job: 'compile', artifact: 'dist' }]);
    expect(definition?.commit?.jobs['reader']).not.toHaveProperty('artifacts');
  });

  it.each([
    ['commit.compile.artifacts.dist', 'artifact-not-reachable', 'add it to `needs`'],
    ['commit.compile.artifacts.dits', 'artifact-unknown', 'Did you mean `dist`?', 'compile'],
    ['commit.reader.artifacts.dist', 'artifact-not-reachable', 'may not have ended'],
    ['commit.compil.artifacts.dist', 'artifact-not-reachable', 'Did you mean `compile`?', 'compile'],
    ['commit.each.artifacts.dist', 'artifact-of-matrix', 'has a matrix', 'each'],
    ['compile.dist', 'bad-artifact-reference', 'write `<stage>.<job>.artifacts.<name>`'],
    ['commit.compile.artifacts.con', 'bad-artifact-reference', 'is not an artifact', 'compile'],
  ])('%s is refused with %s', (use, rule, words, needs = '[]') => {
    const { findings } = checkDefinition(FILE(use, needs), 'f');
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ rule, path: 'commit.jobs.reader.use', line: 9, column: 12 });
    expect(findings[0]?.message).toContain(words);
  });

  it.each([
    ['"../../x"', 'bad-artifact-name'],
    ['con', 'bad-artifact-name'],
    ['"a\\r\\nSet-Cookie: x"', 'bad-artifact-name'],
    ['A', 'bad-artifact-name'],
    ['""', 'bad-artifact-name'],
  ])('A62: the name %s is refused', (name, rule) => {
    expect(checkDefinition(JOB(`artifacts: { ${name}: dist }`), 'f').findings).toMatchObject([{ rule, line: 2 }]);
  });

  it.each([
    ['dist: /etc', 'unsafe-path'],
    ['dist: ../x', 'unsafe-path'],
    ['dist: []', 'bad-value'],
    ['dist: 5', 'wrong-type'],
    ['dist: "{a,b}"', 'bad-pattern'],
    [Array.from({ length: 21 }, (_, index) => `a${index}: x`).join(', '), 'bad-value'],
  ])('A60: artifacts { %s } is refused with %s', (artifacts, rule) => {
    expect(checkDefinition(JOB(`artifacts: { ${artifacts} }`), 'f').findings.map((one) => one.rule)).toEqual([rule]);
  });
});

describe('caches', () => {
  it('are one or a list, with what the file leaves out', () => {
    const one = checkDefinition(JOB('cache: { key: npm, files: package-lock.json, paths: .npm }'), 'f');
    expect(one.findings).toEqual([]);
    expect(one.definition?.commit?.jobs['j']?.cache).toEqual([
      { key: 'npm', files: ['package-lock.json'], paths: ['.npm'], restore: [] },
    ]);
    const two = checkDefinition(JOB('cache: [{ key: a, paths: x, restore: [a, b] }, { key: b, paths: [y] }]'), 'f');
    expect(two.definition?.commit?.jobs['j']?.cache).toHaveLength(2);
  });

  it.each([
    ['{ key: "a/../b", paths: x }', 'bad-value'],
    ['{ key: "$(id)", paths: x }', 'bad-value'],
    ['{ key: "${{ branch }}", paths: x }', 'bad-value'],
    ['{ key: a }', 'missing-key'],
    ['{ key: a, paths: [] }', 'bad-value'],
    ['{ key: a, paths: /root/.npm }', 'unsafe-path'],
    ['{ key: a, paths: x, scope: main }', 'unknown-key'],
    ['{ key: a, paths: x, restore: "" }', 'bad-value'],
  ])('A65: %s is refused with %s', (cache, rule) => {
    expect(checkDefinition(JOB(`cache: ${cache}`), 'f').findings.map((one) => one.rule)).toEqual([rule]);
  });
});
