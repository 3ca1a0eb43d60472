import { describe, expect, it } from 'vitest';
import { checkDefinition } from './check-definition.ts';
import { checkFragment } from './check-fragment.ts';
import type { FragmentOrigin } from './check-fragment.ts';

const DEFINITION = `service: shop
commit:
  jobs:
    version: { image: "node:24", outputs: [number], steps: [{ run: npm version }] }
build: { image: { repository: registry.example.com/shop } }
test:
  jobs:
    plan:
      image: node:24
      secrets: [NPM_TOKEN]
      labels: [large]
      outputs: [count]
      artifacts: { lists: lists }
      generate: { file: generated.yaml }
      steps: [{ run: ./plan.sh }]
    smoke:
      image: node:24
      matrix: { size: [small, big] }
      steps: [{ run: ./smoke.sh }]
`;

const ORIGIN: FragmentOrigin = {
  definitionText: DEFINITION,
  stage: 'test',
  job: 'plan',
  known: new Map([
    ['plan', []],
    ['smoke', ['smoke[size=small]', 'smoke[size=big]']],
    ['earlier', []],
  ]),
  room: 5,
};

const check = (text: string, more: Partial<FragmentOrigin> = {}) =>
  checkFragment(text, 'generated.yaml', { ...ORIGIN, ...more });
const found = (text: string, more: Partial<FragmentOrigin> = {}) =>
  check(text, more).findings.map(({ rule, line, column }) => `${rule} ${line}:${column}`);
const job = (keys: string) => `jobs:\n  a: { image: "node:24", steps: [{ run: x }], ${keys} }\n`;

it('the definition of these tests has no mistake', () => {
  expect(checkDefinition(DEFINITION, 'sluice.yaml').findings).toEqual([]);
});

describe('a good fragment', () => {
  it('has all that jobs of its stage may have, and reads from the jobs before it', () => {
    const { jobs, findings } = check(`jobs:
  unit:
    image: built
    needs: smoke
    matrix: { part: [a, b] }
    secrets: [NPM_TOKEN]
    labels: [large]
    env: { COUNT: { from: test.plan.outputs.count }, VERSION: { from: commit.version.outputs.number } }
    use: test.plan.artifacts.lists
    if: test.plan.outputs.count != "0" && commit.version.status == "passed"
    steps: [{ run: ./unit.sh }]
  report: { image: "node:24", needs: [unit, plan], when: always, steps: [{ run: ./report.sh }] }
`);
    expect(findings).toEqual([]);
    expect(Object.keys(jobs ?? {})).toEqual(['unit[part=a]', 'unit[part=b]', 'report']);
    expect(jobs?.['unit[part=a]']).toMatchObject({
      image: 'built',
      needs: ['smoke[size=small]', 'smoke[size=big]'],
      use: [{ stage: 'test', job: 'plan', artifact: 'lists' }],
    });
    expect(jobs?.['report']?.needs).toEqual(['unit[part=a]', 'unit[part=b]', 'plan']);
  });

  it('may be empty', () => expect(check('jobs: {}')).toEqual({ jobs: {}, findings: [] }));
});

describe('A37: refused, with line and column', () => {
  it.each([
    ['an empty file', '', ['missing-key 1:1']],
    ['no YAML', 'jobs: [', ['invalid-yaml 1:8']],
    [
      'other keys',
      'jobs: {}\nrelease: []\nbuild: {}\non: {}\n',
      ['unknown-key 2:1', 'unknown-key 3:1', 'unknown-key 4:1'],
    ],
    ['powers', job('privileged: true'), ['not-allowed-by-runner-policy 2:47']],
    ['an unknown need', job('needs: nobody'), ['needs-unknown 2:54']],
    ['a need of another fragment', job('needs: earlier'), ['needs-unknown 2:54']],
    [
      'a circle',
      'jobs:\n  a: { image: x:1, needs: b, steps: [{ run: x }] }\n  b: { image: x:1, needs: a, steps: [{ run: x }] }\n',
      ['needs-cycle 3:27'],
    ],
    ['further generation', job('generate: { file: more.yaml }'), ['generate-in-fragment 2:47']],
    ['a secret of others', job('secrets: [NPM_TOKEN, DEPLOY_KEY]'), ['generated-beyond-its-job 2:68']],
    ['a label of others', job('labels: [gpu]'), ['generated-beyond-its-job 2:56']],
    ['the host', 'jobs:\n  a: { host: true, steps: [{ run: x }] }\n', ['generated-beyond-its-job 2:8']],
    ['a name of the definition', 'jobs:\n  plan: { image: x:1, steps: [{ run: x }] }\n', ['generated-name-taken 2:3']],
    [
      'a name of another fragment',
      'jobs:\n  earlier: { image: x:1, steps: [{ run: x }] }\n',
      ['generated-name-taken 2:3'],
    ],
    ['an output that comes later', job('env: { V: { from: test.smoke.outputs.x } }'), ['output-not-reachable 2:65']],
    ['a bad condition', job('if: "nothing == 1"'), ['bad-condition 2:52']],
    ['NUL', job('env: { V: "a\\0b" }'), ['invalid-yaml 2:57']],
  ])('%s', (_, text, expected) => expect(found(text)).toEqual(expected));

  it('more jobs than the run has room for, variants counted', () => {
    const many = Array.from({ length: 6 }, (_, n) => `  j${n}: { image: x:1, steps: [{ run: x }] }`).join('\n');
    expect(found(`jobs:\n${many}\n`)).toEqual(['too-many-generated 1:1']);
    expect(found(`jobs:\n${many}\n`, { room: 6 })).toEqual([]);
    expect(found(job('matrix: { n: [1, 2, 3, 4, 5, 6] }'))).toContain('matrix-too-large 2:47');
    // A matrix that fits by itself, with one job behind it.
    const both = `${job('matrix: { n: [1, 2, 3, 4, 5] }')}  b: { image: x:1, steps: [{ run: x }] }\n`;
    expect(found(both)).toEqual(['too-many-generated 1:1']);
  });

  it('more than 256 KiB', () => expect(found(`# ${'x'.repeat(256 * 1024)}\njobs: {}`)).toEqual(['file-too-large 1:1']));

  it('jobs of the commit stage do not use the image', () => {
    const definitionText =
      'service: s\ncommit: { jobs: { plan: { image: x:1, generate: { file: f }, steps: [{ run: x }] } } }\n';
    const origin = { definitionText, stage: 'commit' as const, known: new Map() };
    expect(found('jobs:\n  a: { image: built, steps: [{ run: x }] }\n', origin)).toEqual(['built-outside-test 2:15']);
  });
});

describe('generate in a definition', () => {
  const definition = (keys: string) =>
    checkDefinition(
      `service: s\ncommit: { jobs: { plan: { image: x:1, steps: [{ run: x }], ${keys} } } }\n`,
      'sluice.yaml',
    );

  it('names a file', () => {
    expect(definition('generate: { file: out/jobs.yaml }').definition?.commit?.jobs['plan']).toMatchObject({
      generate: { file: 'out/jobs.yaml' },
    });
  });

  it.each([
    ['generate: { file: "../x" }', 'unsafe-path'],
    ['generate: { file: /etc/passwd }', 'unsafe-path'],
    ['generate: { file: "*.yaml" }', 'unsafe-path'],
    ['generate: {}', 'missing-key'],
    ['generate: x.yaml', 'wrong-type'],
    ['generate: { file: x.yaml }, matrix: { n: [1, 2] }', 'generate-in-matrix'],
  ])('%s is refused by %s', (keys, rule) => {
    expect(definition(keys).findings.map((finding) => finding.rule)).toEqual([rule]);
  });
});
