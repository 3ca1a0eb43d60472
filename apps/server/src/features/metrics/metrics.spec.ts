import { afterAll, beforeAll, expect, it } from 'vitest';
import { ONE_JOB, PipelineRows } from '../../testing/pipeline-rows.ts';
import { testApp, type TestApp } from '../../testing/test-app.ts';

const TOKEN = 'a-token-of-the-operator';
let server: TestApp;
let rows: PipelineRows;
beforeAll(async () => {
  server = await testApp({ SLUICE_METRICS_TOKEN: TOKEN });
  rows = new PipelineRows(server.database);
});
afterAll(() => server.close());

const read = (authorization?: string) =>
  server.app.inject({ method: 'GET', url: '/metrics', ...(authorization ? { headers: { authorization } } : {}) });

it('A82 is not there without a token in the settings, and for nobody without that token', async () => {
  for (const wrong of [undefined, 'Bearer ', `Bearer ${TOKEN}x`, TOKEN])
    expect((await read(wrong)).statusCode).toBe(401);
  const closed = await testApp();
  try {
    const answer = await closed.app.inject({ method: 'GET', url: '/metrics', headers: { authorization: 'Bearer ' } });
    expect(answer.statusCode).toBe(404);
  } finally {
    await closed.close();
  }
});

it('tells the work and the slots of each pool: what an autoscaler decides by', async () => {
  const admin = await server.setUp();
  const team = await rows.team();
  const pool = await rows.pool();
  const [idle, full] = [await rows.runner(pool), await rows.runner(pool)];
  await server.database.db.updateTable('runners').set({ slots: 3 }).where('id', '=', idle.runnerId).execute();
  await server.database.db.updateTable('runners').set({ draining: true }).where('id', '=', full.runnerId).execute();
  for (let run = 0; run < 2; run++) await rows.run(team, ONE_JOB);
  const [taken] = await server.database.db.selectFrom('attempts').select('id').execute();
  await server.database.db.updateTable('attempts').set({ status: 'running' }).where('id', '=', taken!.id).execute();
  const { name } = await server.database.db
    .selectFrom('pools')
    .select('name')
    .where('id', '=', pool)
    .executeTakeFirstOrThrow();

  const answer = await read(`Bearer ${TOKEN}`);
  expect(answer.headers['content-type']).toContain('text/plain; version=0.0.4');
  for (const [figure, value] of Object.entries({ queued: 1, running: 1, slots: 3, runners: 1, wanted: 2 }))
    expect(answer.payload).toContain(
      `# TYPE sluice_pool_${figure} gauge\nsluice_pool_${figure}{pool="${name}"} ${value}\n`,
    );

  const { body } = await server.call('GET', '/api/v1/pool-loads', { as: admin });
  expect(body).toContainEqual({ pool: name, queued: 1, running: 1, slots: 3, runners: 1, wanted: 2 });
});
