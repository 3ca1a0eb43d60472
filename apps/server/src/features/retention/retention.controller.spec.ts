import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testApp, type TestApp, type TestPerson } from '../../testing/test-app.ts';
import { RetentionWorld } from './testing/retention-world.ts';

let server: TestApp;
let world: RetentionWorld;
let admin: TestPerson;
let lead: TestPerson;
let reader: TestPerson;
beforeAll(async () => {
  server = await testApp({ SLUICE_RETENTION_LOG_DAYS: '30' });
  world = new RetentionWorld(server.database);
  admin = await server.setUp();
  await server.call('POST', '/api/v1/teams', { as: admin, body: { slug: 'shop', title: 'Shop' } });
  lead = await server.person(admin, 'lead@example.com', [{ team: 'shop', role: 'admin' }]);
  reader = await server.person(admin, 'reader@example.com', [{ team: 'shop', role: 'viewer' }]);
});
afterAll(() => server.close());

/** Rows of the team that the people of this spec belong to. */
async function service(slug: string) {
  const { id } = await server.database.db
    .selectFrom('teams')
    .select('id')
    .where('slug', '=', 'shop')
    .executeTakeFirstOrThrow();
  const team = await world.rows.team(slug);
  await sql`update services set team_id = ${id} where id = ${team.serviceId}`.execute(server.database.db);
  await sql`update repositories set team_id = ${id}, url = ${slug} where id = ${team.repositoryId}`.execute(
    server.database.db,
  );
  return { ...team, teamId: id };
}

describe('limits', () => {
  it('of the installation are shown to system admins, with what the last sweeps did', async () => {
    expect((await server.call('GET', '/api/v1/retention', { as: lead })).status).toBe(403);
    expect((await server.call('POST', '/api/v1/retention/sweep', { as: lead })).status).toBe(403);
    expect((await server.call('POST', '/api/v1/retention/sweep', { as: admin })).status).toBe(200);
    await expect
      .poll(async () => (await server.call('GET', '/api/v1/retention', { as: admin })).body, { timeout: 10_000 })
      .toMatchObject({
        on: true,
        limits: { runDays: 365, logDays: 30, auditDays: 1095 },
        sweeps: [{ finishedAt: expect.any(String), removed: { runs: 0, logs: 0 }, problems: [], more: false }],
      });
  });

  it('of a team are set by its admins, at most to those of the installation, and on record', async () => {
    const path = '/api/v1/teams/shop/retention';
    expect((await server.call('PUT', path, { as: reader, body: { limits: {} } })).status).toBe(403);
    const refused = await server.call('PUT', path, { as: lead, body: { limits: { logDays: 31 } } });
    expect(refused).toMatchObject({
      status: 422,
      body: { error: { message: expect.stringMatching(/^limits\.logDays: the installation keeps 30;/) } },
    });
    const put = await server.call('PUT', path, { as: lead, body: { limits: { logDays: 7 } } });
    expect(put).toMatchObject({ status: 200, body: { limits: { logDays: 7, runDays: 365 } } });
    expect((await server.call('GET', path, { as: reader })).body).toMatchObject({
      limits: { logDays: 7 },
      installation: { logDays: 30 },
    });
    const audit = await server.call('GET', '/api/v1/teams/shop/audit', { as: lead });
    expect(audit.body.items[0]).toMatchObject({
      action: 'retention.change',
      detail: { from: null, to: { logDays: 7 } },
    });
  });
});

describe('what was removed says so', () => {
  it('a log, with its length and hash, on each way to read it', async () => {
    const team = await service('basket');
    const runId = await world.endedRun(team, 40);
    const { id } = await world.endedAttempt(team, runId, 40);
    await world.sweep();
    for (const path of ['log', 'log/lines?from=1', 'log/search?q=x']) {
      const answer = await server.call('GET', `/api/v1/attempts/${id}/${path}`, { as: reader });
      expect(answer, path).toMatchObject({ status: 410, body: { error: { code: 'log-removed' } } });
      expect(answer.body.error.message).toMatch(
        /^This log was removed by retention on \d{4}-\d\d-\d\d, after 7 days\.$/,
      );
    }
    const run = await server.call('GET', '/api/v1/services/basket/runs/1', { as: reader });
    expect(run.status).toBe(200);
  });

  it('the test cases of a run, while their counts stay', async () => {
    const team = await service('cart');
    const runId = await world.endedRun(team, 1);
    const removed = { at: '2026-01-01T00:00:00.000Z', afterDays: 180, passed: 2, failed: 1, skipped: 0 };
    await sql`update runs set tests_removed = ${JSON.stringify(removed)} where id = ${runId}`.execute(
      server.database.db,
    );
    expect((await server.call('GET', '/api/v1/services/cart/runs/1', { as: reader })).body).toMatchObject({
      tests: { passed: 2, failed: 1, skipped: 0 },
      testsRemoved: { at: removed.at, afterDays: 180 },
    });
    expect(await server.call('GET', `/api/v1/runs/${runId}/tests`, { as: reader })).toMatchObject({
      status: 410,
      body: {
        error: {
          code: 'tests-removed',
          message: 'The test cases of this run were removed by retention on 2026-01-01, after 180 days.',
        },
      },
    });
  });

  it('a run, by its number; a number that was never given is not there', async () => {
    const team = await service('mail');
    await world.endedRun(team, 1_000);
    await world.runsSince(team, 20);
    await world.sweep();
    const [removed, never] = await Promise.all(
      [1, 22].map((number) => server.call('GET', `/api/v1/services/mail/runs/${number}`, { as: reader })),
    );
    expect(removed).toMatchObject({ status: 410, body: { error: { code: 'run-removed' } } });
    expect(removed!.body.error.message).toContain('Run 1 of mail was removed by retention');
    expect(never!.status).toBe(404);
  });
});
