import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startFakeForge, startGitHost, type FakeForge, type GitHost } from '@sluice/testing';
import { makeWorkTree, type WorkTree } from '../../platform/forge/testing/work-tree.ts';
import { testApp, type TestApp, type TestPerson } from '../../testing/test-app.ts';

const root = mkdtempSync(join(tmpdir(), 'sluice-statuses-'));
let host: GitHost;
let forge: FakeForge;
let server: TestApp;
let admin: TestPerson;
let work: WorkTree;

const file = (service: string, on: string) =>
  `service: ${service}\non: ${on}\ncommit: { jobs: { unit: { image: "node:24", steps: [{ run: npm test }] } } }\n`;
const get = async (path: string) => (await server.call('GET', `/api/v1${path}`, { as: admin })).body;
const runsOf = async (service: string) =>
  (await get(`/services/${service}/runs`)).items as { number: number; commit: string; trigger: { kind: string } }[];

/** The whole server, its own outbox included, between a git host and a forge. */
beforeAll(async () => {
  host = await startGitHost({ root: join(root, 'host'), users: { ada: 'ada-password' } });
  forge = await startFakeForge();
  server = await testApp({ SLUICE_GIT_ALLOW_ORIGINS: `${host.origin},${forge.origin}` });
  await server.app.listen(0, '127.0.0.1');
  admin = await server.setUp();
  const call = (method: string, path: string, body: object) =>
    server.call(method, `/api/v1${path}`, { as: admin, body });
  await call('POST', '/teams', { slug: 'shop', title: 'Shop' });
  const { url } = await host.createRepository('shop');
  const { body } = await call('POST', '/teams/shop/repositories', { url, kind: 'git' });
  const { id, hookPath } = body.repository as { id: string; hookPath: string };
  const { port } = server.app.getHttpServer().address() as AddressInfo;
  await host.createRepository('shop', { hookUrl: `http://127.0.0.1:${port}${hookPath}`, hookSecret: body.hookSecret });
  for (const slug of ['apples', 'pears'])
    await call('POST', '/teams/shop/services', { slug, repositoryId: id, path: slug });
  const statuses = { forge: 'gitlab', apiUrl: forge.apiUrl('gitlab'), repository: 'group/shop', token: forge.token };
  await call('PUT', `/teams/shop/repositories/${id}/statuses`, { statuses });
  work = await makeWorkTree(join(root, 'work'));
  await work.git('remote', 'add', 'origin', host.repositoryUrl('shop', 'ada'));
});
afterAll(async () => {
  await server.close();
  await Promise.all([host.stop(), forge.stop()]);
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
});

describe('from a push to the forge', () => {
  it('I32: shows each service that is concerned from queued to its end, and one that is not as passed', async () => {
    await work.commit('First', {
      'apples/sluice.yaml': file(
        'apples',
        '{ push: {}, paths: ["apples/**"], schedule: [{ cron: 0 6 * * * }], manual: { inputs: { dry: { type: boolean } } } }',
      ),
      'pears/sluice.yaml': file('pears', '{ push: {}, paths: ["pears/**"] }'),
    });
    await work.git('push', '--quiet', 'origin', 'main');
    await eventually(async () => (await runsOf('apples')).length === 1 && (await runsOf('pears')).length === 1);
    const commit = await work.commit('Apples', { 'apples/a.txt': '1' });
    await work.git('push', '--quiet', 'origin', 'main');
    await eventually(() => forge.shown(commit, 'sluice/apples')?.state === 'pending');
    await eventually(() => forge.shown(commit, 'sluice/pears')?.state === 'success');
    expect(forge.shown(commit, 'sluice/pears')).toMatchObject({
      repository: 'group/shop',
      description: 'Not affected: no changed path matches pears/** (on.paths)',
      url: 'http://localhost:4000/services/pears',
    });
    const run = await get('/services/apples/runs/2');
    expect(run.commitStatus).toMatchObject({ service: 'apples', commit, state: 'queued', error: null });
    await server.call('POST', `/api/v1/runs/${run.id}/cancel`, { as: admin, body: {} });
    await eventually(() => forge.shown(commit, 'sluice/apples')?.state === 'canceled');
    expect(forge.shown(commit, 'sluice/apples')).toMatchObject({ url: 'http://localhost:4000/services/apples/runs/2' });
    await eventually(async () => (await get('/services/apples/runs/2')).commitStatus.state === 'cancelled');
    expect(await get('/services/apples')).toMatchObject({
      repository: { statuses: { forge: 'gitlab', ownToken: true, last: { service: 'apples', state: 'cancelled' } } },
      inputs: { dry: { type: 'boolean', default: false } },
    });
    expect(forge.refusals).toEqual([]);
  });

  it('starts a run of a schedule, whose next time stands on the page of the service', async () => {
    const { schedules } = await get('/services/apples');
    expect(schedules).toMatchObject([
      {
        cron: '0 6 * * *',
        timezone: 'UTC',
        branch: null,
        nextAt: expect.stringMatching(/T06:00:00.000Z$/),
        lastAt: null,
      },
    ]);
    await sql`update schedules set next_at = now()`.execute(server.database.db);
    await eventually(async () => (await runsOf('apples')).some(({ trigger }) => trigger.kind === 'schedule'));
    expect(await runsOf('apples')).toHaveLength(3);
    expect((await get('/services/apples')).schedules[0]).toMatchObject({ problem: null, lastAt: expect.any(String) });
    const run = await get('/services/apples/runs/3');
    expect(run.trigger).toMatchObject({ kind: 'schedule', schedule: { cron: '0 6 * * *', timezone: 'UTC' } });
    await eventually(() => forge.shown(run.commit, 'sluice/apples')?.description === 'Run #3 is queued');
  });
});
