import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { armFailpoints } from '../../platform/failpoints/failpoints.ts';
import type { TestTeam } from '../../testing/pipeline-rows.ts';
import { RunnerApp, type RunnerClient } from './testing/runner-app.ts';

let server: RunnerApp;
let team: TestTeam;
let runner: RunnerClient;
let untrusted: RunnerClient;

beforeAll(async () => {
  server = await RunnerApp.start();
});
afterAll(() => server.close());
afterEach(() => armFailpoints(undefined, undefined));
beforeEach(async () => {
  await server.database.empty();
  team = await server.rows.team();
  runner = await server.runner(await server.rows.pool());
  untrusted = await server.runner(await server.rows.pool({ trust: 'untrusted' }));
});

const STAGES = `
commit:
  jobs:
    plan: { image: "example.com/node:24", generate: { file: jobs.yaml }, steps: [{ run: "true" }] }
test:
  jobs:
    smoke: { image: "example.com/node:24", steps: [{ run: "true" }] }`;
const GOOD = 'jobs:\n  a: { image: "example.com/node:24", steps: [{ run: "true" }] }\n';
const BAD = 'jobs:\n  a: { image: "example.com/node:24", steps: [{ run: "true" }], secrets: [KEY] }\n';
const EMPTY_SHA256 = createHash('sha256').digest('hex');
const result = (more: object = {}) => ({
  outcome: 'passed',
  exitCode: 0,
  steps: [{ index: 0, name: 'true', status: 'passed', startedAt: null, finishedAt: null, exitCode: 0, logOffset: 0 }],
  log: { length: 0, sha256: EMPTY_SHA256, truncated: false },
  ...more,
});

async function lease(by: RunnerClient = runner) {
  const body = { pollId: server.rows.ids.next(), slots: 1, waitSeconds: 5, protocol: 1 };
  const { attemptId, epoch, ...rest } = (await by.call('poll', body)).body.lease;
  await by.call(`attempts/${attemptId}/start`, { epoch });
  const end = (more: object = {}) => by.call(`attempts/${attemptId}/result`, { epoch, result: result(more) });
  return { attemptId: attemptId as string, lease: rest, end };
}
const rowOf = (runId: string) =>
  server.database.db
    .selectFrom('runs')
    .select(['plan_hash', 'findings'])
    .where('id', '=', runId)
    .executeTakeFirstOrThrow();
const addedTo = async (runId: string) =>
  (await server.database.db.selectFrom('run_events').select('event').where('run_id', '=', runId).execute()).filter(
    ({ event }) => event.type === 'jobs-generated',
  ).length;

describe('what a job generated', () => {
  it('F07 F20 I05 joins the run once, however often it is told', async () => {
    const runId = await server.rows.run(team, STAGES);
    const { plan_hash: before } = await rowOf(runId);
    const plan = await lease();
    expect(plan.lease.work.generate).toEqual({ file: 'jobs.yaml', maxBytes: 262_144 });
    const answers = await Promise.all([plan.end({ generated: GOOD }), plan.end({ generated: GOOD })]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect((await plan.end({ generated: GOOD })).status).toBe(200);
    expect((await plan.end({ generated: 'jobs: {}' })).status).toBe(409);
    expect(await addedTo(runId)).toBe(1);
    expect((await rowOf(runId)).plan_hash).not.toBe(before);
    const stored = await server.rows.attempt(plan.attemptId);
    expect(JSON.stringify(stored.result)).not.toContain('example.com');

    const made = await lease();
    expect(made.lease.job.key).toBe('commit/a');
    // Checked against its plan like any other.
    expect((await made.end({ steps: [] })).body.error.code).toBe('result-contradiction');
    expect((await made.end()).status).toBe(200);
    expect((await server.rows.stateOf(runId)).stages.commit.status).toBe('passed');
  });

  it.each(['run:before-commit', 'result:before-commit', 'result:after-commit'])(
    'F06 F07 joins the run once when the server fails at %s and is told again',
    async (name) => {
      const runId = await server.rows.run(team, STAGES);
      const plan = await lease();
      armFailpoints(`${name}=throw`, 'test');
      expect((await plan.end({ generated: GOOD })).status).toBe(500);
      // Before the commit nothing of it is there, after it all of it.
      const added = name === 'result:after-commit' ? 1 : 0;
      expect(await addedTo(runId)).toBe(added);
      expect((await server.rows.stateOf(runId)).plan.jobs).toHaveLength(2 + added);
      expect((await plan.end({ generated: GOOD })).status).toBe(200);
      expect(await addedTo(runId)).toBe(1);
      expect((await server.rows.attempts(runId)).map(({ job_key: key }) => key).toSorted()).toEqual([
        'commit/a',
        'commit/plan',
      ]);
    },
  );

  it('A37 fails the job when it is refused, with its findings on the run', async () => {
    const runId = await server.rows.run(team, STAGES);
    const plan = await lease();
    expect((await plan.end({ generated: BAD })).status).toBe(200);
    const state = await server.rows.stateOf(runId);
    expect(state).toMatchObject({
      status: 'failed',
      jobs: { 'commit/plan': { status: 'failed', reason: { code: 'generated-fragment' } } },
      plan: { jobs: { length: 2 } },
    });
    expect(state.jobs['commit/plan']?.reason?.message).toMatch(/^jobs\.yaml:2:\d+: The job "plan" has no secret "KEY"/);
    expect((await rowOf(runId)).findings).toMatchObject([
      { job: 'commit/plan', file: 'jobs.yaml', line: 2, rule: 'generated-beyond-its-job' },
    ]);
  });

  it('A53 is as untrusted as its run', async () => {
    const runId = await server.rows.run(team, STAGES, 'untrusted');
    await (await lease(untrusted)).end({ generated: GOOD });
    const attempts = await server.rows.attempts(runId);
    expect(attempts.map(({ job_key: key, trust }) => [key, trust])).toContainEqual(['commit/a', 'untrusted']);
    expect((await lease(untrusted)).lease.secrets).toEqual([]);
  });

  it('A55 is taken from nobody who was not asked for it', async () => {
    await server.rows.run(team, STAGES.replace('generate: { file: jobs.yaml }, ', ''));
    const answer = await (await lease()).end({ generated: GOOD });
    expect(answer).toMatchObject({ status: 422, body: { error: { code: 'result-contradiction' } } });
  });

  it('missing from a result is trouble of ours', async () => {
    const runId = await server.rows.run(team, STAGES);
    expect((await (await lease()).end()).status).toBe(200);
    expect((await server.rows.stateOf(runId)).jobs['commit/plan']?.reason?.code).toBe('bad-generated');
  });
});
