import { checkDefinition } from '@sluice/pipeline-spec';
import type { Definition, JobSpec } from '@sluice/pipeline-spec';
import { expect, test } from 'vitest';
import { plan } from './plan-run.ts';
import { priorityOfRank, priorityRank, runPriority } from './run-priority.ts';

const PUSH = { event: 'push', ref: 'refs/heads/main', changedPaths: [] } as const;

const job: JobSpec = {
  image: 'node:24',
  steps: [{ name: 'test', run: 'npm test', when: 'success', env: {}, envFrom: {} }],
  needs: [],
  when: 'success',
  allowFailure: false,
  outputs: [],
  env: {},
  envFrom: {},
  secrets: ['NPM_TOKEN'],
  services: {},
  labels: ['arm64'],
  timeoutSeconds: 600,
  retry: { on: ['lost'], exit: [], times: 1, delaySeconds: 0, factor: 1 },
  reports: { junit: [] },
  resources: { cpus: 1, memoryMiB: 512, pids: 256 },
};
const image = {
  context: '.',
  dockerfile: 'Dockerfile',
  repository: 'registry.example.com/catalog',
  args: {},
  platforms: ['linux/amd64'],
  secrets: ['REGISTRY'],
  labels: ['docker'],
  timeoutSeconds: 900,
  retry: { on: [], exit: [], times: 0, delaySeconds: 0, factor: 1 },
} as const;
const definition: Definition = {
  schemaVersion: 2,
  service: 'catalog',
  on: { push: { branches: ['main'] }, pullRequest: null, paths: [], manual: true, inputs: {} },
  commit: { jobs: { verify: { ...job, needs: ['lint'] }, lint: job } },
  build: { image },
  test: { jobs: { acceptance: job } },
  release: [{ environment: 'staging' }, { environment: 'production' }],
};

test('jobs stand in the order of the stages, then of the file, with needs as keys', () => {
  const { jobs, ...rest } = plan({ definition, commit: 'abc', event: PUSH });
  expect(jobs.map(({ key, stage, name, needs }) => [key, stage, name, needs])).toEqual([
    ['commit/verify', 'commit', 'verify', ['commit/lint']],
    ['commit/lint', 'commit', 'lint', []],
    ['build/image', 'build', 'image', []],
    ['test/acceptance', 'test', 'acceptance', []],
  ]);
  expect(rest).toEqual({
    schemaVersion: 2,
    service: 'catalog',
    commit: 'abc',
    facts: { event: 'push', branch: 'main', tag: '', changed: {}, inputs: {} },
    stageTimeouts: {},
    release: [{ environment: 'staging' }, { environment: 'production' }],
  });
});

test('each job carries its own labels, secrets, limits and work', () => {
  const [verify, , built] = plan({ definition, commit: 'abc', event: PUSH }).jobs;
  expect(verify).toMatchObject({
    labels: ['arm64'],
    secrets: ['NPM_TOKEN'],
    timeoutSeconds: 600,
    retry: job.retry,
    work: { kind: 'steps' },
  });
  expect(built).toMatchObject({
    labels: ['docker'],
    secrets: ['REGISTRY'],
    timeoutSeconds: 900,
    work: { kind: 'image', spec: image },
  });
});

test('without a build stage there is nothing to release', () => {
  const { build: _, ...unbuilt } = definition;
  expect(plan({ definition: unbuilt, commit: 'abc', event: PUSH }).release).toEqual([]);
});

test('absent stages plan no jobs', () => {
  const { commit: _c, build: _b, test: _t, ...empty } = definition;
  expect(plan({ definition: { ...empty, release: [] }, commit: 'abc', event: PUSH })).toMatchObject({
    jobs: [],
    release: [],
  });
});

const FILE = `service: catalog
on: { push: {}, manual: { inputs: { level: { type: choice, options: [low, high] }, dry: { type: boolean } } } }
commit:
  timeout: 1h
  jobs:
    docs: { image: 'node:24', if: 'changed("docs/**")', steps: [{ run: x, if: 'changed("*.md") && inputs.dry' }] }
    unit: { image: 'node:24', matrix: { node: [22, 24] }, steps: [{ run: x }] }
    after: { image: 'node:24', needs: unit, when: always, allow_failure: true, steps: [{ run: x }] }
`;

test('a matrix, conditions and inputs are planned with what the event says', () => {
  const { definition: checked } = checkDefinition(FILE, 'sluice.yaml');
  if (!checked) throw new Error('The file is not accepted.');
  const event = {
    event: 'manual',
    ref: 'refs/tags/v1',
    changedPaths: ['docs/a/b.md'],
    inputs: { dry: true, other: 1 },
  };
  const planned = plan({ definition: checked, commit: 'abc', event });
  expect(planned.facts).toEqual({
    event: 'manual',
    branch: '',
    tag: 'v1',
    changed: { 'docs/**': true, '*.md': false },
    inputs: { level: 'low', dry: true },
  });
  expect(planned.stageTimeouts).toEqual({ commit: 3600 });
  expect(planned.jobs.map(({ key }) => key)).toEqual([
    'commit/docs',
    'commit/unit[node=22]',
    'commit/unit[node=24]',
    'commit/after',
  ]);
  expect(planned.jobs[3]).toMatchObject({
    needs: ['commit/unit[node=22]', 'commit/unit[node=24]'],
    when: 'always',
    allowFailure: true,
  });
  expect(planned.jobs[1]?.work.spec).toMatchObject({
    env: { MATRIX_NODE: '22', INPUT_LEVEL: 'low', INPUT_DRY: 'true' },
  });
});

test('when the change is not known, everything counts as changed', () => {
  const { definition: checked } = checkDefinition(FILE, 'sluice.yaml');
  if (!checked) throw new Error('The file is not accepted.');
  const event = { event: 'push', ref: 'refs/heads/main', changedPaths: null };
  expect(plan({ definition: checked, commit: 'abc', event }).facts.changed).toEqual({ 'docs/**': true, '*.md': true });
});

const PULL_REQUEST = { event: 'pull_request', ref: 'refs/pull/7/head', changedPaths: null } as const;

test.each([
  ['a push, as nothing is said', undefined, PUSH, undefined],
  ['a pull request, as nothing is said', undefined, PULL_REQUEST, { cancel: 'superseded' }],
  ['a pull request that is left alone', { cancel: 'none' }, PULL_REQUEST, undefined],
  ['a push that only counts as long as it is the newest', { cancel: 'superseded' }, PUSH, { cancel: 'superseded' }],
  ['a limit', { max: 2 }, PUSH, { limit: { max: 2 } }],
  [
    'a group',
    { group: 'db', max: 1, cancel: 'superseded' },
    PUSH,
    { limit: { group: 'db', max: 1 }, cancel: 'superseded' },
  ],
] as const)('concurrency of %s', (_, concurrency, event, planned) => {
  const given = { ...definition, ...(concurrency && { concurrency }) };
  expect(plan({ definition: given, commit: 'abc', event }).concurrency).toEqual(planned);
});

test('what will be released goes before what only checks a change, and what is called background after it', () => {
  const planned = plan({ definition, commit: 'abc', event: PUSH });
  const priority = (more: Partial<typeof planned>, trust: 'trusted' | 'untrusted' = 'trusted') =>
    runPriority({ plan: { ...planned, ...more }, trust });
  expect([priority({}), priority({ release: [] }), priority({}, 'untrusted')]).toEqual([
    'release',
    'default',
    'default',
  ]);
  const lowered = plan({ definition: { ...definition, priority: 'background' }, commit: 'abc', event: PUSH });
  expect(runPriority({ plan: lowered, trust: 'trusted' })).toBe('background');
  expect((['background', 'default', 'release'] as const).map(priorityRank)).toEqual([-1, 0, 1]);
  expect([-1, 0, 1, 5].map(priorityOfRank)).toEqual(['background', 'default', 'release', undefined]);
});
