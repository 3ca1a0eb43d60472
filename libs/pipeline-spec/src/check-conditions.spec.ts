import { describe, expect, it } from 'vitest';
import { checkDefinition } from './check-definition.ts';

const FILE = (condition: string, more = ''): string => `service: a
on: { push: {}, manual: { inputs: { level: { type: choice, options: [low, high] }, dry: { type: boolean }, n: { type: number } } } }
commit:
  jobs:
    verify: { image: node:24, steps: [{ run: x }], outputs: [url] }
    lint: { image: node:24, steps: [{ run: x }] }
    end-to-end: { image: node:24, steps: [{ run: x }] }
    job:
      image: node:24
      needs: [verify, end-to-end]
      matrix: { node: [22, 24] }
      steps: [{ run: x }]
      if: ${condition}
${more}`;
const findings = (condition: string) => checkDefinition(FILE(condition), 'sluice.yaml').findings;

describe('conditions that are accepted', () => {
  it.each([
    'branch == "main"',
    "branch in ['main', 'dev'] && event != 'pull_request'",
    'tag.startsWith("v") || branch.endsWith("-fix") || branch.contains("x")',
    'changed("docs/**") && (tag == "" || true)',
    'inputs.level == "high" && !inputs.dry && inputs.n >= 3',
    'commit.verify.status == "passed" && commit.verify.outputs.url != ""',
    'commit["end-to-end"].status == "failed"',
    'matrix.node == "24"',
    'branch == "main" # said for people',
  ])('%s', (condition) => {
    expect(findings(condition)).toEqual([]);
  });
});

describe('conditions that are refused, each with its own column', () => {
  const START = 11;
  it.each<[string, number, string]>([
    [
      'brunch == "main"',
      0,
      '"brunch" does not exist; a condition knows `branch`, `tag`, `event`, `inputs`, `matrix`, `commit`. Did you mean `branch`?',
    ],
    [
      'event == "x" && commit.verfy.status == "passed"',
      23,
      '"commit.verfy" does not exist; `commit` knows `verify`, `end-to-end`. Did you mean `verify`?',
    ],
    [
      'commit.verify.state == "passed"',
      14,
      '"commit.verify.state" does not exist; `commit.verify` knows `status`, `outputs`.',
    ],
    [
      'commit.lint.status == "passed"',
      7,
      '`commit.lint` has not ended when this is decided; add it to `needs`, or name a job of an earlier stage.',
    ],
    [
      'commit.verify.outputs.link == ""',
      22,
      '"commit.verify.outputs.link" does not exist; `commit.verify.outputs` knows `url`.',
    ],
    ['test.x.status == ""', 0, 'No job of the test stage has ended when this is decided; name it under `needs` first.'],
    [
      'inputs.levle == "low"',
      7,
      '"inputs.levle" does not exist; `inputs` knows `level`, `dry`, `n`. Did you mean `level`?',
    ],
    ['branch == 3', 0, 'It compares or joins what does not fit: text == a number.'],
    ['matrix.node == 24', 0, 'It compares or joins what does not fit: text == a number.'],
    ['branch', 0, 'It gives text, not true or false; compare it, such as `branch == "main"`.'],
    ['branch = "main"', 7, 'It cannot be read: unexpected character: =; write `==` to compare.'],
    [
      'branch == "main" and true',
      17,
      "It cannot be read: unexpected character: 'd'; write `!`, `&&` and `||` for not, and, or.",
    ],
    ['branch ==', 9, 'It cannot be read: unexpected token: the end; write a condition such as `branch == "main"`.'],
    [
      'changed("a{b}")',
      8,
      'The pattern "a{b}" is refused: `{` has no meaning in patterns; write one pattern for each alternative, or `?` for that character.',
    ],
    ['changed(branch)', 8, '`changed()` takes a pattern in quotes, such as `changed("docs/**")`.'],
    [
      'branch.matches("(a+)+$")',
      0,
      '`.matches()` is not part of conditions; text knows `.startsWith()`, `.endsWith()` and `.contains()`.',
    ],
    [
      'true && [1, 2].exists(x, x > 1)',
      8,
      '`.exists()` is not part of conditions; text knows `.startsWith()`, `.endsWith()` and `.contains()`.',
    ],
    ['size(branch) > 3', 0, 'The function `size` is not part of conditions; the one function is `changed("pattern")`.'],
    ['branch + "x" == "mainx"', 0, '`+` is not part of conditions; compare values and join with `&&`, `||` and `!`.'],
    [
      'constructor == "x"',
      0,
      '"constructor" does not exist; a condition knows `branch`, `tag`, `event`, `inputs`, `matrix`, `commit`.',
    ],
    ['commit.__proto__ == "x"', 7, '"commit.__proto__" does not exist; `commit` knows `verify`, `end-to-end`.'],
    [
      'outputs.url == "x"',
      0,
      'Only a step may ask for the outputs of its own job, and the job must declare them under `outputs`.',
    ],
  ])('%s', (condition, column, message) => {
    const [finding, ...more] = findings(condition);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ rule: 'bad-condition', path: 'commit.jobs.job.if', line: 13 });
    expect(finding?.message).toBe(message);
    expect(finding?.column).toBe(START + column);
  });

  it('counts columns inside quotes too', () => {
    expect(findings(`'!brunch.startsWith("x")'`)[0]).toMatchObject({ line: 13, column: START + 2 });
  });

  it('a condition that is too long or nests too deeply is refused', () => {
    expect(findings(`branch == "${'x'.repeat(1000)}"`)[0]?.message).toMatch(/more than 1000 characters/);
    expect(findings(`${'('.repeat(80)}true${')'.repeat(80)}`)[0]?.message).toMatch(/too large or nests too deeply/);
    expect(findings(`'${'!'.repeat(400)}true'`)[0]?.message).toMatch(/too large or nests too deeply/);
  });
});

describe('where conditions and `when` stand', () => {
  const text = (lines: string): string => `service: a\n${lines}\n`;
  const shown = (lines: string): string[] =>
    checkDefinition(text(lines), 'f').findings.map(({ rule, path }) => `${rule} ${path}`);

  it('steps may ask for the outputs of their own job', () => {
    const job = (step: string): string =>
      `commit: { jobs: { j: { image: 'a:1', outputs: [url], steps: [{ run: x }, ${step}] } } }`;
    expect(shown(job(`{ run: y, if: 'outputs.url != ""', when: always }`))).toEqual([]);
    expect(shown(job(`{ run: y, if: 'outputs.uri != ""' }`))).toEqual(['bad-condition commit.jobs.j.steps[1].if']);
    expect(shown(job('{ run: y, when: sometimes }'))).toEqual(['bad-value commit.jobs.j.steps[1].when']);
  });

  it('the image build has one, and the test stage may ask how it ended', () => {
    const build = (condition: string, jobCondition: string): string =>
      `build: { image: { repository: r.io/a, if: '${condition}' } }\ntest: { jobs: { t: { image: 'a:1', steps: [{ run: x }], if: '${jobCondition}' } } }`;
    expect(shown(build('branch == "main"', 'build.image.status == "passed"'))).toEqual([]);
    expect(shown(build('branch', 'build.imag.status == "passed"'))).toEqual([
      'bad-condition build.image.if',
      'bad-condition test.jobs.t.if',
    ]);
  });

  it('`when: failure` needs jobs to wait for', () => {
    const job = (more: string): string => `commit: { jobs: { j: { image: 'a:1', steps: [{ run: x }], ${more} } } }`;
    expect(shown(job('when: failure'))).toEqual(['when-without-needs commit.jobs.j.when']);
    expect(shown(job('when: always'))).toEqual([]);
  });
});

describe('inputs', () => {
  const inputs = (input: string): string[] =>
    checkDefinition(`service: a\non: { manual: { inputs: ${input} } }\n`, 'f').findings.map(
      ({ rule, path }) => `${rule} ${path}`,
    );

  it('have defaults of their type', () => {
    const { definition } = checkDefinition(
      'service: a\non: { manual: { inputs: { a: {}, b: { type: number }, c: { type: choice, options: [x, y] }, d: { type: boolean, default: true } } } }',
      'f',
    );
    expect(definition?.on.inputs).toEqual({
      a: { type: 'text', default: '' },
      b: { type: 'number', default: 0 },
      c: { type: 'choice', options: ['x', 'y'], default: 'x' },
      d: { type: 'boolean', default: true },
    });
  });

  it('keep the order of the file', () => {
    const inOrder = (inputs: string) =>
      checkDefinition(`service: a\non: { manual: { inputs: ${inputs} } }`, 'f').definition?.on.inputOrder;
    expect(inOrder('{ level: {}, count: {}, a: {} }')).toEqual(['level', 'count', 'a']);
    expect(inOrder('{ level: {} }')).toBeUndefined();
  });

  it.each([
    ['{ a: { type: number, default: x } }', 'bad-input on.manual.inputs.a.default'],
    ['{ a: { type: number, default: 1.5 } }', 'bad-input on.manual.inputs.a.default'],
    ['{ a: { type: boolean, default: yes } }', 'bad-input on.manual.inputs.a.default'],
    ['{ a: { default: 3 } }', 'bad-input on.manual.inputs.a.default'],
    ['{ a: { type: choice } }', 'bad-input on.manual.inputs.a.type'],
    ['{ a: { options: [x] } }', 'bad-input on.manual.inputs.a.options'],
    ['{ a: { type: choice, options: [x], default: y } }', 'bad-input on.manual.inputs.a.default'],
    ['{ A-b: {} }', 'bad-name on.manual.inputs.A-b'],
    ['{ a: { type: date } }', 'bad-value on.manual.inputs.a.type'],
  ])('%s', (text, finding) => {
    expect(inputs(text)).toEqual([finding]);
  });
});

describe('many conditions', () => {
  const file = (last: string): string => {
    const steps = Array.from({ length: 99 }, () => `{ run: x, if: branch == "x" }`).join(', ');
    const jobs = Array.from({ length: 20 }, (_, index) => `    j${index}: { image: 'a:1', steps: [${steps}] }\n`).join(
      '',
    );
    return `service: a\ncommit:\n  jobs:\n${jobs}    last: { image: 'a:1', if: ${last}, steps: [{ run: x }] }\n`;
  };

  it('A37: the one after two thousand others is checked like the first', () => {
    expect(checkDefinition(file('branch == "x"'), 'f').findings).toEqual([]);
    expect(checkDefinition(file('brunch == "x"'), 'f').findings.map(({ path }) => path)).toEqual([
      'commit.jobs.last.if',
    ]);
  });

  it('of bad ones at most a hundred are listed', () => {
    const { definition, findings } = checkDefinition(file('branch == "x"').replaceAll('branch', 'brunch'), 'f');
    expect(definition).toBeUndefined();
    expect(findings).toHaveLength(100);
  });
});
