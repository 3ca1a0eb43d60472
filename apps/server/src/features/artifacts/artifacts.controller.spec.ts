import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BlobStore } from '../../platform/blobs/blob-store.port.ts';
import { PipelineRows, type TestTeam } from '../../testing/pipeline-rows.ts';
import { testApp, type TestApp, type TestPerson } from '../../testing/test-app.ts';

const JOB = `
commit:
  jobs:
    compile: { image: "a:1", steps: [{ run: "true" }], artifacts: { dist: dist } }
`;
const PAGE = Buffer.from('<html><script>alert(document.cookie)</script>');

let server: TestApp;
let rows: PipelineRows;
let team: TestTeam;
let runId: string;
let attemptId: string;
let member: TestPerson;
let stranger: TestPerson;

beforeAll(async () => {
  server = await testApp();
  rows = new PipelineRows(server.database);
  const admin = await server.setUp();
  team = await rows.team('shop');
  await server.call('POST', '/api/v1/teams', { as: admin, body: { slug: 'strangers', title: 'Strangers' } });
  stranger = await server.person(admin, 'stranger@example.com', [{ team: 'strangers', role: 'admin' }]);
  member = await server.person(admin, 'member@example.com');
  const { id: userId } = await server.database.db
    .selectFrom('users')
    .select('id')
    .where('email', '=', 'member@example.com')
    .executeTakeFirstOrThrow();
  await server.database.db
    .insertInto('memberships')
    .values({ team_id: team.teamId, user_id: userId, role: 'viewer' })
    .execute();
  runId = await rows.run(team, JOB);
  attemptId = (await rows.attempts(runId))[0]!.id;
});
afterAll(() => server.close());

async function stored(name: string, status: 'coming' | 'kept' | 'going'): Promise<string> {
  const id = randomUUID();
  await server.app.get(BlobStore).put(`artifacts/${id}`, PAGE);
  await server.database.db
    .insertInto('artifacts')
    .values({
      id,
      team_id: team.teamId,
      service_id: team.serviceId,
      run_id: runId,
      attempt_id: attemptId,
      job_key: 'commit/compile',
      name,
      status,
      files: 1,
      length: PAGE.length,
      sha256: createHash('sha256').update(PAGE).digest('hex'),
      blob_key: `artifacts/${id}`,
    })
    .execute();
  return id;
}

describe('artifacts for people', () => {
  it('A62 A63 are to be saved under a harmless name, never shown, whatever they hold', async () => {
    const id = await stored('dist', 'kept');
    const answer = await server.call('GET', `/api/v1/artifacts/${id}/download`, { as: member });
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(PAGE.toString());
    expect(answer.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="shop-1-dist.tar.gz"',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
      'content-length': String(PAGE.length),
    });
    const list = await server.call('GET', `/api/v1/runs/${runId}/artifacts`, { as: member });
    expect(list.body).toMatchObject([{ id, name: 'dist', job: 'commit/compile', attempt: 1, fromRun: null, files: 1 }]);
  });

  it('F68 are not there while they come, nor when they are about to go', async () => {
    const ids = [await stored('coming', 'coming'), await stored('going', 'going')];
    for (const id of ids)
      expect((await server.call('GET', `/api/v1/artifacts/${id}/download`, { as: member })).status).toBe(404);
    const list = await server.call('GET', `/api/v1/runs/${runId}/artifacts`, { as: member });
    expect(JSON.stringify(list.body)).not.toMatch(/coming|going/);
  });

  it('A49 belong to their team', async () => {
    const id = await stored('secret', 'kept');
    for (const path of [`artifacts/${id}/download`, `runs/${runId}/artifacts`, `runs/${runId}/caches`])
      expect((await server.call('GET', `/api/v1/${path}`, { as: stranger })).status, path).toBe(404);
    expect((await server.call('GET', '/api/v1/artifacts/x/download', { as: member })).status).toBe(404);
  });
});

describe('the history of a test', () => {
  it('is its outcomes in one service, the newest run first', async () => {
    const case_ = { service_id: team.serviceId, job_key: 'commit/compile', file: 'a.xml', suite: 's', seconds: 1 };
    for (const status of ['passed', 'failed'] as const) {
      const id = await rows.run(team, JOB);
      const [attempt] = await rows.attempts(id);
      await server.database.db
        .insertInto('test_cases')
        .values([
          {
            ...case_,
            run_id: id,
            attempt_id: attempt!.id,
            ordinal: 0,
            name: "adds 'two' numbers",
            status,
            message: null,
          },
          {
            ...case_,
            run_id: id,
            attempt_id: attempt!.id,
            ordinal: 1,
            name: 'other',
            status: 'skipped',
            message: null,
          },
        ])
        .execute();
    }
    const query = new URLSearchParams({ suite: 's', name: "adds 'two' numbers" });
    const path = `/api/v1/services/shop/tests/history?${query}`;
    const answer = await server.call('GET', path, { as: member });
    expect(answer.body.map((one: { status: string; run: { number: number } }) => [one.run.number, one.status])).toEqual(
      [
        [3, 'failed'],
        [2, 'passed'],
      ],
    );
    expect((await server.call('GET', path, { as: stranger })).status).toBe(404);
  });
});
