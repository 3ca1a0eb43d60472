import { describe, expect, it } from 'vitest';
import { checkDefinition } from './check-definition.ts';
import type { Finding } from './definition.ts';
import { RULES } from './rules.ts';

const DESIGN = `service: catalog
team: accounts
on: { push: { branches: [main] }, pull_request: {}, paths: ["services/catalog/**"], manual: {} }
commit:
  jobs:
    verify: { image: node:24, steps: [{ run: npm ci }, { run: npm test }], secrets: [NPM_TOKEN], reports: { junit: "reports/*.xml" } }
build:
  image: { context: ., dockerfile: Dockerfile, repository: registry.example.com/catalog, platforms: [linux/amd64] }
test:
  jobs:
    acceptance:
      image: node:24
      services: { app: { image: built, port: 8080, healthy: /healthz }, db: { image: postgres:17, command: [postgres, -c, 'fsync=off'] } }
      needs: []
      steps: [{ run: npm run acceptance, env: { URL: http://app:8080 } }]
      retry: { on: [lost, errored], times: 2 }
      timeout: 20m
release:
  - environment: staging
  - environment: production
`;

/** A whole file around a commit job, so that each row of a table shows only what is wrong. */
const job = (lines: string): string => `service: a\ncommit:\n  jobs:\n    j:\n${lines.replace(/^/gm, '      ')}\n`;
const GOOD_JOB = 'image: node:24\nsteps: [{ run: x }]\n';
const withBuild = (image: string): string => `service: a\nbuild: { image: ${image} }\n`;

const find = (text: string): readonly Finding[] => checkDefinition(text, 'sluice.yaml').findings;
const shown = (text: string): string[] =>
  find(text).map((finding) => `${finding.rule} ${finding.path} ${finding.line}:${finding.column}`);

describe('checkDefinition', () => {
  it('reads the definition of the design and fills in the defaults', () => {
    const { definition, findings } = checkDefinition(DESIGN, 'sluice.yaml');
    expect(findings).toEqual([]);
    expect(definition?.on).toEqual({
      push: { branches: ['main'] },
      pullRequest: { branches: ['**'] },
      paths: ['services/catalog/**'],
      manual: true,
      inputs: {},
    });
    expect(definition?.commit?.jobs['verify']).toEqual({
      image: 'node:24',
      steps: [
        { name: 'npm ci', run: 'npm ci', when: 'success', env: {}, envFrom: {} },
        { name: 'npm test', run: 'npm test', when: 'success', env: {}, envFrom: {} },
      ],
      needs: [],
      when: 'success',
      allowFailure: false,
      outputs: [],
      env: {},
      envFrom: {},
      secrets: ['NPM_TOKEN'],
      services: {},
      labels: [],
      timeoutSeconds: 1800,
      retry: { on: ['lost'], exit: [], times: 1, delaySeconds: 0, factor: 1 },
      reports: { junit: ['reports/*.xml'] },
      resources: { cpus: 2, memoryMiB: 2048, pids: 512 },
    });
    expect(definition?.build?.image).toEqual({
      context: '.',
      dockerfile: 'Dockerfile',
      repository: 'registry.example.com/catalog',
      args: {},
      platforms: ['linux/amd64'],
      secrets: [],
      labels: [],
      timeoutSeconds: 1800,
      retry: { on: ['lost'], exit: [], times: 1, delaySeconds: 0, factor: 1 },
    });
    expect(definition?.test?.jobs['acceptance']).toMatchObject({
      services: {
        app: { image: 'built', port: 8080, healthy: '/healthz', env: {} },
        db: { image: 'postgres:17', command: ['postgres', '-c', 'fsync=off'], env: {} },
      },
      retry: { on: ['lost', 'errored'], exit: [], times: 2, delaySeconds: 0, factor: 1 },
      timeoutSeconds: 1200,
    });
    expect(definition?.release).toEqual([{ environment: 'staging' }, { environment: 'production' }]);
  });

  it('a file without `on` runs on pushes to main', () => {
    const main = { push: { branches: ['main'] }, pullRequest: null, paths: [], manual: false, inputs: {} };
    expect(checkDefinition('service: a', 'f').definition?.on).toEqual(main);
    expect(checkDefinition('service: a\non: { paths: [x/**] }', 'f').definition?.on).toEqual({
      ...main,
      paths: ['x/**'],
    });
    expect(checkDefinition('service: a\non: { manual: true }', 'f').definition?.on).toEqual({
      ...main,
      push: null,
      manual: true,
    });
    expect(checkDefinition('service: a\non: { pull_request: , manual: false }', 'f').definition?.on).toEqual({
      ...main,
      push: null,
      pullRequest: { branches: ['**'] },
    });
  });

  it('names a step after the first line that says something, at most 60 characters', () => {
    const text = job(
      `image: a:1\nsteps:\n  - run: |\n\n      echo ${'é'.repeat(80)}\n      more\n  - { name: Told, run: x }`,
    );
    const steps = checkDefinition(text, 'f').definition?.commit?.jobs['j']?.steps;
    expect(steps?.map((step) => step.name)).toEqual([`echo ${'é'.repeat(55)}`, 'Told']);
  });

  it('gives all findings at once, in the order of the file, each with place, remedy and docs link', () => {
    const text =
      'service: Bad\ncommit:\n  jobs:\n    a: { image: "x y", stepz: [], needs: [b] }\nrelease: [{ environment: s }]\n';
    const { definition, findings } = checkDefinition(text, 'services/a/sluice.yaml');
    expect(definition).toBeUndefined();
    expect(findings.map((finding) => `${finding.line}:${finding.column} ${finding.rule} ${finding.path}`)).toEqual([
      '1:10 bad-name service',
      '4:5 missing-key commit.jobs.a.steps',
      '4:17 bad-image commit.jobs.a.image',
      '4:24 unknown-key commit.jobs.a.stepz',
      '4:43 needs-unknown commit.jobs.a.needs[0]',
      '5:1 release-needs-build release',
    ]);
    expect(findings.every((finding) => finding.file === 'services/a/sluice.yaml')).toBe(true);
    expect(findings[3]).toMatchObject({
      message: expect.stringContaining('Did you mean `steps`?') as string,
      docs: 'docs/reference/definition.md#unknown-key',
    });
  });

  it.each<[string, string, string]>([
    ['servce: a', 'servce', 'service'],
    ['service: a\ntests: {}', 'tests', 'test'],
    ['service: a\non: { tags: {} }', 'on.tags', 'tag'],
    ['service: a\non: { pull_requests: {} }', 'on.pull_requests', 'pull_request'],
    [job(`${GOOD_JOB}depends_on: [x]`), 'commit.jobs.j.depends_on', 'needs'],
    [job('image: a:1\nsteps: [{ script: x }]'), 'commit.jobs.j.steps[0].script', 'run'],
    [withBuild('{ repository: r.io/a, dokerfile: x }'), 'build.image.dokerfile', 'dockerfile'],
    [job(`${GOOD_JOB}retry: { time: 1 }`), 'commit.jobs.j.retry.time', 'times'],
  ])('unknown-key: %j suggests a key', (text, path, meant) => {
    const finding = find(text).find((candidate) => candidate.rule === 'unknown-key');
    expect(finding).toMatchObject({ path, severity: 'error' });
    expect(finding?.message).toContain(`Did you mean \`${meant}\`?`);
  });

  it.each<[string, string]>([[`${DESIGN}    strategy: { canary: [] }`, 'release[1].strategy']])(
    'not-supported-yet: %j is an error, not silence',
    (text, path) => {
      expect(find(text)).toEqual([expect.objectContaining({ rule: 'not-supported-yet', severity: 'error', path })]);
    },
  );

  it.each<[string, string[]]>([
    ['service: [a]', ['wrong-type service 1:10']],
    ['service: 12', ['wrong-type service 1:10']],
    ['service: a\nrelease: { environment: x }', ['release-needs-build release 2:1', 'wrong-type release 2:10']],
    [job('image: a:1\nsteps: [npm ci]'), ['wrong-type commit.jobs.j.steps[0] 6:15']],
    [job('image: a:1\nsteps: []'), ['bad-value commit.jobs.j.steps 6:14']],
    [job('image: a:1\nsteps: [{ run: " " }]'), ['bad-value commit.jobs.j.steps[0].run 6:22']],
    ['service: a\ncommit: { jobs: {} }', ['bad-value commit.jobs 2:17']],
    ['service: a\ntest: {}', ['missing-key test.jobs 2:1']],
    [job(`${GOOD_JOB}retry: { times: 6 }`), ['bad-value commit.jobs.j.retry.times 7:23']],
    [job(`${GOOD_JOB}retry: { on: [passed] }`), ['bad-value commit.jobs.j.retry.on[0] 7:21']],
    [job(`${GOOD_JOB}resources: { cpus: 0 }`), ['bad-value commit.jobs.j.resources.cpus 7:26']],
    [job(`${GOOD_JOB}resources: { cpus: 65 }`), ['bad-value commit.jobs.j.resources.cpus 7:26']],
    [job(`${GOOD_JOB}resources: { memory: 1t }`), ['bad-memory commit.jobs.j.resources.memory 7:28']],
    [job(`${GOOD_JOB}resources: { memory: 15m }`), ['bad-memory commit.jobs.j.resources.memory 7:28']],
    [job(`${GOOD_JOB}resources: { memory: 257g }`), ['bad-memory commit.jobs.j.resources.memory 7:28']],
    [job(`${GOOD_JOB}resources: { pids: 1 }`), ['bad-value commit.jobs.j.resources.pids 7:26']],
    [
      job(`${GOOD_JOB}services: { db: { image: a:1, port: 70000 } }`),
      ['bad-value commit.jobs.j.services.db.port 7:43'],
    ],
    [
      job(`${GOOD_JOB}services: { db: { image: a:1, healthy: /h } }`),
      ['healthy-needs-port commit.jobs.j.services.db.healthy 7:37'],
    ],
    [
      job(`${GOOD_JOB}services: { db: { image: a:1, port: 1, healthy: h } }`),
      ['bad-value commit.jobs.j.services.db.healthy 7:55'],
    ],
    [
      job(`${GOOD_JOB}services: { db: { image: a:1, command: [] } }`),
      ['bad-value commit.jobs.j.services.db.command 7:46'],
    ],
    [
      job(`${GOOD_JOB}services: { db: { image: a:1, command: [a, 1] } }`),
      ['wrong-type commit.jobs.j.services.db.command[1] 7:50'],
    ],
    [job(`${GOOD_JOB}labels: [a, a]`), ['duplicate-entry commit.jobs.j.labels[1] 7:19']],
    [job(`${GOOD_JOB}labels: [" "]`), ['bad-value commit.jobs.j.labels[0] 7:16']],
    [job(`${GOOD_JOB}secrets: [A]\nenv: { A: x }`), ['env-secret-clash commit.jobs.j.env.A 8:14']],
    [withBuild('{ context: . }'), ['missing-key build.image.repository 2:10']],
    [withBuild('{ repository: r.io/a, platforms: [windows/amd64] }'), ['bad-value build.image.platforms[0] 2:51']],
    [withBuild('{ repository: r.io/a, target: -x }'), ['bad-value build.image.target 2:47']],
    [
      'service: a\nbuild: { image: { repository: r.io/a } }\nrelease: [{ environment: s }, { environment: s }]',
      ['duplicate-environment release[1].environment 3:46'],
    ],
    ['service: a\nrelease: [{ environment: s }]', ['release-needs-build release 2:1']],
  ])('reports the place of each mistake: %j', (text, expected) => {
    expect(shown(text)).toEqual(expected);
  });

  it('`image: built` is for the test stage of a file with a build stage', () => {
    const use = (stage: string): string =>
      `service: a\n${stage}: { jobs: { j: { image: built, steps: [{ run: x }], services: { s: { image: built } } } } }\n`;
    const build = 'build: { image: { repository: r.io/a } }\n';
    expect(find(use('test') + build)).toEqual([]);
    expect(find(use('test')).map((finding) => finding.rule)).toEqual(['built-needs-build', 'built-needs-build']);
    expect(find(use('commit') + build).map((finding) => finding.rule)).toEqual([
      'built-outside-test',
      'built-outside-test',
    ]);
  });

  it('every rule that a finding cites exists, and its link ends in the rule', () => {
    for (const finding of find(`${DESIGN}x: 1\n`)) {
      expect(Object.keys(RULES)).toContain(finding.rule);
      expect(finding.docs).toBe(`docs/reference/definition.md#${finding.rule}`);
    }
  });
});

describe('concurrency and priority', () => {
  const withTop = (line: string): string => `service: a\n${line}\n`;

  it.each([
    ['concurrency: { max: 2 }', { max: 2 }],
    ['concurrency: { group: test-db }', { group: 'test-db', max: 1 }],
    ['concurrency: { cancel: superseded }', { cancel: 'superseded' }],
    ['concurrency: { group: test-db, max: 3, cancel: none }', { group: 'test-db', max: 3, cancel: 'none' }],
  ])('%s', (line, concurrency) => {
    expect(checkDefinition(withTop(line), 'sluice.yaml')).toMatchObject({ definition: { concurrency }, findings: [] });
  });

  it('a definition may lower its priority', () => {
    expect(checkDefinition(withTop('priority: background'), 'sluice.yaml').definition?.priority).toBe('background');
  });

  it.each([
    ['concurrency: { max: 0 }', 'bad-value concurrency.max 2:21'],
    ['concurrency: { max: 1.5 }', 'wrong-type concurrency.max 2:21'],
    ['concurrency: { group: "Test DB" }', 'bad-name concurrency.group 2:23'],
    ['concurrency: { cancel: always }', 'bad-value concurrency.cancel 2:24'],
    ['concurrency: { limit: 1 }', 'unknown-key concurrency.limit 2:16'],
    ['concurrency: 1', 'wrong-type concurrency 2:14'],
    ['priority: release', 'bad-value priority 2:11'],
  ])('refuses %s', (line, finding) => {
    expect(shown(withTop(line))).toEqual([finding]);
  });

  it('says that nobody raises themselves', () => {
    expect(find(withTop('priority: rollback'))[0]?.message).toBe(
      '"rollback" is refused: a definition can only lower its priority; write `background` or remove the key.',
    );
  });
});
