import { describe, expect, it } from 'vitest';
import { checkDefinition } from './check-definition.ts';

const file = (lines: string, more = ''): string =>
  `service: a\ncommit:\n  jobs:\n    t:\n      image: node:24\n      steps: [{ run: x }]\n${lines.replace(/^/gm, '      ')}\n${more}`;
const jobsOf = (text: string) => {
  const { definition, findings } = checkDefinition(text, 'sluice.yaml');
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  return definition?.commit?.jobs ?? {};
};
const shown = (text: string): string[] =>
  checkDefinition(text, 'sluice.yaml').findings.map(
    ({ rule, path, line, column }) => `${rule} ${path} ${line}:${column}`,
  );

describe('a matrix', () => {
  it('makes one job per combination, in the order of the file, with its values as variables', () => {
    const jobs = jobsOf(file('matrix: { node: [22, 24], os: [bookworm, alpine] }\nenv: { CI: "1" }'));
    expect(Object.keys(jobs)).toEqual([
      't[node=22,os=bookworm]',
      't[node=22,os=alpine]',
      't[node=24,os=bookworm]',
      't[node=24,os=alpine]',
    ]);
    expect(jobs['t[node=24,os=alpine]']).toMatchObject({
      variant: { of: 't', values: { node: '24', os: 'alpine' } },
      env: { MATRIX_NODE: '24', MATRIX_OS: 'alpine', CI: '1' },
    });
  });

  it('leaves out what `exclude` names and adds what `include` names', () => {
    const jobs = jobsOf(
      file('matrix:\n  node: [22, 24]\n  os: [a, b]\n  exclude: [{ node: 22 }]\n  include: [{ node: 26, os: b }]'),
    );
    expect(Object.keys(jobs)).toEqual(['t[node=24,os=a]', 't[node=24,os=b]', 't[node=26,os=b]']);
  });

  it('may consist of `include` alone', () => {
    expect(Object.keys(jobsOf(file('matrix: { include: [{ a: x, b: y }, { b: z, a: x }] }')))).toEqual([
      't[a=x,b=y]',
      't[a=x,b=z]',
    ]);
  });

  it('keeps the spelling of numbers', () => {
    expect(Object.keys(jobsOf(file('matrix: { go: [1.20, 1.2] }')))).toEqual(['t[go=1.20]', 't[go=1.2]']);
  });

  it('chooses images of the job and of its service containers by an axis', () => {
    const jobs = jobsOf(
      file('matrix: { db: ["postgres:16", "postgres:17"] }\nservices: { db: { image: { matrix: db }, port: 5432 } }'),
    );
    expect(jobs['t[db=postgres:17]']?.services['db']?.image).toBe('postgres:17');
    const text = file('matrix: { image: ["node:22", "node:24"] }').replace(
      'image: node:24',
      'image: { matrix: image }',
    );
    expect(Object.values(jobsOf(text)).map(({ image }) => image)).toEqual(['node:22', 'node:24']);
  });

  it('is needed as a whole', () => {
    const more = '    u:\n      image: node:24\n      steps: [{ run: x }]\n      needs: t\n';
    expect(jobsOf(file('matrix: { n: [1, 2] }', more))['u']?.needs).toEqual(['t[n=1]', 't[n=2]']);
  });
});

describe('a bad matrix is refused with the place', () => {
  it.each<[string, string, string[]]>([
    [
      'an axis without values',
      'matrix: { node: [] }',
      ['bad-value commit.jobs.t.matrix.node 7:23', 'matrix-empty commit.jobs.t.matrix 7:7'],
    ],
    ['nothing at all', 'matrix: {}', ['matrix-empty commit.jobs.t.matrix 7:7']],
    ['everything excluded', 'matrix: { n: [1], exclude: [{ n: 1 }] }', ['matrix-empty commit.jobs.t.matrix 7:7']],
    ['a name', 'matrix: { Node: [1] }', ['bad-name commit.jobs.t.matrix.Node 7:17']],
    ['a value that could be an option', 'matrix: { n: [-v] }', ['bad-value commit.jobs.t.matrix.n[0] 7:21']],
    ['a value with blanks', 'matrix: { n: [a b] }', ['bad-value commit.jobs.t.matrix.n[0] 7:21']],
    ['a value that ends the name', 'matrix: { n: ["a]"] }', ['bad-value commit.jobs.t.matrix.n[0] 7:21']],
    [
      'a mapping as a value',
      'matrix: { n: [{ a: 1 }] }',
      ['wrong-type commit.jobs.t.matrix.n[0] 7:21', 'matrix-empty commit.jobs.t.matrix 7:7'],
    ],
    [
      'an unknown axis',
      'matrix: { node: [1], exclude: [{ nod: 1 }] }',
      ['matrix-axis-unknown commit.jobs.t.matrix.exclude[0].nod 7:40'],
    ],
    [
      'an incomplete variant',
      'matrix: { a: [1], b: [1], include: [{ a: 2 }] }',
      ['matrix-axis-missing commit.jobs.t.matrix.include[0] 7:43'],
    ],
    [
      'an idle exclude',
      'matrix: { a: [1, 2], exclude: [{ a: 3 }] }',
      ['matrix-exclude-unused commit.jobs.t.matrix.exclude[0] 7:38'],
    ],
    ['a value twice', 'matrix: { a: [1, 1] }', ['duplicate-entry commit.jobs.t.matrix.a[1] 7:24']],
    [
      'an image that is none',
      'matrix: { i: [../x] }\nservices: { d: { image: { matrix: i } } }',
      ['bad-image commit.jobs.t.matrix.i[0] 7:21'],
    ],
    [
      'an image by an axis that is not there',
      'matrix: { i: [a] }\nservices: { d: { image: { matrix: im } } }',
      ['matrix-axis-unknown commit.jobs.t.services.d.image.matrix 8:41'],
    ],
    [
      'a variable twice',
      'matrix: { i: [a] }\nenv: { MATRIX_I: b }',
      ['env-matrix-clash commit.jobs.t.env.MATRIX_I 8:14'],
    ],
    ['outputs', 'matrix: { i: [a] }\noutputs: [x]', ['matrix-outputs commit.jobs.t.outputs 8:7']],
  ])('%s', (_, lines, findings) => {
    expect(shown(file(lines)).toSorted()).toEqual(findings.toSorted());
  });

  it('A37: 100,000 cells are refused without being made', () => {
    const axis = `[${Array.from({ length: 48 }, (_, index) => index + 1).join(', ')}]`;
    expect(shown(file(`matrix: { a: ${axis}, b: ${axis}, c: ${axis} }`))).toEqual([
      'matrix-too-large commit.jobs.t.matrix 7:7',
    ]);
    expect(shown(file(`matrix: { a: ${axis}, b: [x, y] }`))).toEqual(['matrix-too-large commit.jobs.t.matrix 7:7']);
  });

  it('A37: all jobs together are at most 200', () => {
    const axis = `[${Array.from({ length: 50 }, (_, index) => index + 1).join(', ')}]`;
    const more = [1, 2, 3, 4, 5]
      .map((name) => `    u${name}:\n      image: node:24\n      steps: [{ run: x }]\n      matrix: { n: ${axis} }\n`)
      .join('');
    expect(shown(file('', more))).toEqual(['matrix-too-large commit.jobs.u4.matrix 23:7']);
  });
});
