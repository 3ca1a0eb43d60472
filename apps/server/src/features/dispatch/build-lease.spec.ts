import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { leaseGrant } from '@sluice/protocol';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { RegistrySecretError } from '../secrets/index.ts';
import { DispatchReplica } from './testing/dispatch-replica.ts';
import { PipelineRows, type TestTeam } from '../../testing/pipeline-rows.ts';

const DIGEST = `sha256:${'1'.repeat(64)}`;
const STAGES = `
commit:
  jobs:
    verify:
      image: private.example.com/node:24
      env: { LEVEL: high }
      secrets: [NPM_TOKEN]
      steps: [{ run: npm test }]
      reports: { junit: "reports/*.xml" }
build:
  image: { context: ., dockerfile: Dockerfile, repository: registry.example.com/shop }
test:
  jobs:
    acceptance:
      image: example.com/node:24
      services: { app: { image: built, port: 8080, healthy: /healthz, command: [serve, --fast] } }
      steps: [{ run: npm run acceptance, env: { URL: "http://app:8080" } }]
`;

let database: TestDatabase;
let rows: PipelineRows;
let team: TestTeam;
let pool: string;
let one: DispatchReplica;
beforeAll(async () => {
  database = await testDatabase();
  rows = new PipelineRows(database);
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.empty();
  team = await rows.team();
  pool = await rows.pool();
  one = new DispatchReplica(database);
});
afterEach(() => one.close());

const end = (runId: string, attemptId: string, image?: { repository: string; digest: string }) =>
  database.transactions.run(async (unit) => {
    const row = await rows.attempt(attemptId);
    await one.runs.apply(unit, runId, {
      type: 'attempt-ended',
      jobKey: row.job_key as 'build/image',
      attemptId,
      outcome: 'passed',
      ...(image ? { image } : {}),
    });
  });

describe('build lease', () => {
  it('hands on outputs of earlier jobs as variables, and to each step its condition with the facts', async () => {
    const runId = await rows.run(
      team,
      `
commit:
  jobs:
    version: { image: 'node:24', outputs: [number], steps: [{ run: x }] }
test:
  jobs:
    smoke:
      image: node:24
      matrix: { node: [24] }
      outputs: []
      env: { VERSION: { from: commit.version.outputs.number } }
      steps:
        - { run: a, if: 'branch == "main" && matrix.node == "24"', env: { AGAIN: { from: commit.version.outputs.number } } }
        - { run: b, when: failure }
`,
    );
    const runner = await rows.runner(pool, 2);
    const first = await one.poll(runner);
    expect(leaseGrant.parse(first)).toEqual(first);
    expect(first?.work).toMatchObject({ outputs: ['number'] });
    await database.transactions.run((unit) =>
      one.runs.apply(unit, runId, {
        type: 'attempt-ended',
        jobKey: 'commit/version',
        attemptId: first!.attemptId,
        outcome: 'passed',
        outputs: { number: '1.4; rm -rf /' },
      }),
    );
    const second = await one.poll(runner);
    expect(leaseGrant.parse(second)).toEqual(second);
    expect(second).toMatchObject({
      job: { key: 'test/smoke[node=24]' },
      work: {
        env: { VERSION: '1.4; rm -rf /', MATRIX_NODE: '24' },
        facts: {
          branch: 'main',
          event: 'push',
          matrix: { node: '24' },
          jobs: { commit: { version: { status: 'passed' } } },
        },
        steps: [
          { run: 'a', if: 'branch == "main" && matrix.node == "24"', env: { AGAIN: '1.4; rm -rf /' } },
          { run: 'b', when: 'failure' },
        ],
      },
    });
  });

  it('carries the job, the source and only the declared secrets, in the form of the protocol', async () => {
    one.secrets.values = { NPM_TOKEN: 'n-secret', OTHER: 'never' };
    await rows.run(team, STAGES);
    const lease = await one.poll(await rows.runner(pool));
    expect(leaseGrant.parse(lease)).toEqual(lease);
    expect(lease).toMatchObject({
      run: { service: team.slug, number: 1, trust: 'trusted' },
      source: { url: 'https://git.example.com/shop.git', path: 'services/shop' },
      secrets: [{ name: 'NPM_TOKEN', value: 'n-secret' }],
      registries: [{ registry: 'private.example.com', username: 'u', password: 'p' }],
      work: { kind: 'steps', junit: ['reports/*.xml'], env: { LEVEL: 'high', CI: 'true' } },
    });
    expect(JSON.stringify(lease)).not.toContain('never');
  });

  it('F69 carries the value that a secret has when the lease is granted, not the one it had when the job was queued', async () => {
    one.secrets.values = { NPM_TOKEN: 'before the rotation' };
    await rows.run(team, STAGES);
    one.secrets.values = { NPM_TOKEN: 'after the rotation' };
    expect(await one.poll(await rows.runner(pool))).toMatchObject({
      secrets: [{ name: 'NPM_TOKEN', value: 'after the rotation' }],
    });
  });

  it('A28 hands untrusted text over in the environment and leaves scripts as they are', async () => {
    one.secrets.values = { NPM_TOKEN: 'x' };
    await rows.run(team, STAGES);
    const lease = await one.poll(await rows.runner(pool));
    expect(lease?.work).toMatchObject({
      steps: [{ run: 'npm test' }],
      env: { SLUICE_COMMIT_MESSAGE: 'a "message"; $(id)' },
    });
  });

  it('I15 puts repository@digest of the run in the place of "built"', async () => {
    one.secrets.values = { NPM_TOKEN: 'x' };
    const runId = await rows.run(team, STAGES);
    const runner = await rows.runner(pool, 5);
    const options = { slots: 5 };
    await end(runId, (await one.poll(runner, options))!.attemptId);
    const build = await one.poll(runner, options);
    expect(build?.work).toEqual({
      kind: 'image',
      context: '.',
      dockerfile: 'Dockerfile',
      repository: 'registry.example.com/shop',
      args: {},
      platforms: expect.any(Array),
    });
    await end(runId, build!.attemptId, { repository: 'registry.example.com/shop', digest: DIGEST });
    const test = await one.poll(runner, options);
    const image = `registry.example.com/shop@${DIGEST}`;
    expect(test?.work).toMatchObject({
      services: { app: { image, port: 8080, healthy: '/healthz', command: ['serve', '--fast'] } },
      env: { SLUICE_IMAGE: image },
    });
  });

  it('I24 names the image of the last release to a trusted build, for its layers, and to no untrusted one', async () => {
    one.secrets.values = { NPM_TOKEN: 'x' };
    const [runner, untrusted] = [await rows.runner(pool, 5), await rows.pool({ trust: 'untrusted' })];
    const released = await rows.run(team, STAGES);
    await end(released, (await one.poll(runner, { slots: 5 }))!.attemptId);
    await end(released, (await one.poll(runner, { slots: 5 }))!.attemptId, {
      repository: 'registry.example.com/shop',
      digest: DIGEST,
    });
    await database.db
      .insertInto('releases')
      .values({
        id: rows.ids.next(),
        team_id: team.teamId,
        service_id: team.serviceId,
        run_id: released,
        run_number: 1,
        commit: 'a'.repeat(40),
        repository: 'registry.example.com/shop',
        digest: DIGEST,
        plan_hash: 'x',
        route: '[]',
        evidence: '{}',
      } as never)
      .execute();
    await end(released, (await one.poll(runner, { slots: 5 }))!.attemptId);
    const cacheFrom = `registry.example.com/shop@${DIGEST}`;
    for (const [trust, its, expected] of [
      ['trusted', runner, cacheFrom],
      ['untrusted', await rows.runner(untrusted, 5), undefined],
    ] as const) {
      const runId = await rows.run(team, STAGES, trust);
      await end(runId, (await one.poll(its, { slots: 5 }))!.attemptId);
      const build = await one.poll(its, { slots: 5 });
      expect(build?.work.kind).toBe('image');
      expect(build?.work.kind === 'image' && build.work.cacheFrom).toBe(expected);
    }
  });

  it('I24 A45 gives an untrusted run no secrets and no registry credentials, and does not even ask', async () => {
    one.secrets.values = { NPM_TOKEN: 'n-secret' };
    const untrusted = await rows.pool({ trust: 'untrusted' });
    await rows.run(team, STAGES, 'untrusted');
    const lease = await one.poll(await rows.runner(untrusted));
    expect(lease).toMatchObject({ secrets: [], registries: [], run: { trust: 'untrusted' } });
    expect(one.secrets.asked).toBe(0);
  });

  it('ends a job whose secret has no value as errored, naming it, and no runner gets it', async () => {
    const runId = await rows.run(team, STAGES);
    expect(await one.poll(await rows.runner(pool), { waitSeconds: 0.3 })).toBeNull();
    const [attempt] = await rows.attempts(runId);
    expect(attempt).toMatchObject({
      status: 'errored',
      reason: { code: 'secret-missing', message: expect.stringContaining('NPM_TOKEN') },
    });
    expect((await rows.stateOf(runId)).status).toBe('errored');
  });

  it('ends a job as errored when the secret of a registry cannot be used, with its sentence', async () => {
    one.secrets.values = { NPM_TOKEN: 'x' };
    const sentence = 'The secret REGISTRY_X is not "user:password"; set it again.';
    one.secrets.registryCredentials = () => Promise.reject(new RegistrySecretError(sentence));
    const runId = await rows.run(team, STAGES);
    expect(await one.poll(await rows.runner(pool), { waitSeconds: 0.2 })).toBeNull();
    expect((await rows.attempts(runId))[0]).toMatchObject({
      status: 'errored',
      reason: { code: 'registry-secret', message: sentence },
    });
  });

  it('returns the lease when it cannot be built right now', async () => {
    one.secrets.forJob = () => Promise.reject(new Error('sealed by another key'));
    const runId = await rows.run(team, STAGES);
    await expect(one.poll(await rows.runner(pool))).rejects.toThrow('sealed by another key');
    expect((await rows.attempts(runId))[0]).toMatchObject({ status: 'queued', epoch: 2 });
  });
});
