import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testApp, type TestApp, type TestPerson } from '../../testing/test-app.ts';
import { ChainHead, verifyChain } from '../audit/index.ts';
import { Sealer } from '../secrets/index.ts';
import { hookPlace, OpenRepository } from './open-repository.ts';

const ORIGIN = 'http://127.0.0.1:4010';
let server: TestApp;
let admin: TestPerson;
let developer: TestPerson;
let viewer: TestPerson;

beforeAll(async () => {
  server = await testApp({ SLUICE_GIT_ALLOW_ORIGINS: ORIGIN });
  admin = await server.setUp();
  await server.call('POST', '/api/v1/teams', { as: admin, body: { slug: 'shop', title: 'Shop' } });
  developer = await server.person(admin, 'dev@example.com', [{ team: 'shop', role: 'developer' }]);
  viewer = await server.person(admin, 'view@example.com', [{ team: 'shop', role: 'viewer' }]);
});
afterAll(() => server.close());

const connect = (as: TestPerson, body: object) =>
  server.call('POST', '/api/v1/teams/shop/repositories', { as, body: { kind: 'git', ...body } });

describe('repositories', () => {
  it('show the hook secret once and keep it and the credential sealed', async () => {
    const made = await connect(admin, {
      url: `${ORIGIN}/catalog.git`,
      credential: { username: 'bot', password: 'hunter2-long' },
    });
    expect(made).toMatchObject({
      status: 200,
      body: {
        hookSecret: expect.stringMatching(/^[0-9a-f]{64}$/),
        repository: { defaultBranch: 'main', lastDelivery: null },
      },
    });
    const { id, hookPath } = made.body.repository as { id: string; hookPath: string };
    const { db } = server.database;
    const hook = await db.selectFrom('hooks').selectAll().where('repository_id', '=', id).executeTakeFirstOrThrow();
    expect(hookPath).toBe(`/hooks/${hook.id}`);
    expect(server.app.get(Sealer).open(hook.secret_sealed, hookPlace(hook.id))).toBe(made.body.hookSecret);
    const row = await db.selectFrom('repositories').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    expect(JSON.stringify(row)).not.toContain('hunter2');
    expect(await server.app.get(OpenRepository).open(id)).toEqual({
      id,
      url: `${ORIGIN}/catalog.git`,
      credential: { username: 'bot', password: 'hunter2-long' },
    });
    const listed = await server.call('GET', '/api/v1/teams/shop/repositories', { as: viewer });
    expect(listed.body).toMatchObject([{ id, hookPath }]);
    expect(listed.text).not.toMatch(/hunter2|secret/);
    expect((await connect(admin, { url: `${ORIGIN}/catalog.git` })).body.error.code).toBe('repository-connected');
  });

  it('get a new hook secret at the same address: shown once, for admins of the team alone, and the old one ends at once', async () => {
    const { body } = await connect(admin, { url: `${ORIGIN}/renewed.git` });
    const { id, hookPath } = body.repository as { id: string; hookPath: string };
    const ping = async (secret: string) => {
      const payload = JSON.stringify({ zen: 'x' });
      const signature = `sha256=${createHmac('sha256', secret).update(payload).digest('hex')}`;
      const headers = { 'x-sluice-event': 'ping', 'x-sluice-signature-256': signature };
      return (await server.call('POST', hookPath, { body: { zen: 'x' }, headers })).status;
    };
    expect(await ping(body.hookSecret)).toBe(200);
    const renew = (as: TestPerson, repository = id) =>
      server.call('POST', `/api/v1/teams/shop/repositories/${repository}/hook-secret`, { as, body: {} });
    expect((await renew(developer)).status).toBe(403);
    expect((await renew(admin, randomUUID())).status).toBe(404);
    expect(await ping(body.hookSecret)).toBe(200);
    const renewed = await renew(admin);
    expect(renewed).toMatchObject({ status: 200, body: { hookPath } });
    expect(await ping(body.hookSecret)).toBe(401);
    expect(await ping(renewed.body.hookSecret)).toBe(200);
    const trail = await server.call('GET', '/api/v1/teams/shop/audit', { as: admin });
    expect(trail.body.items[0]).toMatchObject({ action: 'repository.renew-hook-secret', subject: `repository:${id}` });
    expect(trail.text).not.toContain(renewed.body.hookSecret);
  });

  it.each([
    ['A22', 'http://169.254.169.254/latest'],
    ['A21', 'file:///etc'],
    ['A20', 'ext::sh -c x'],
    ['A25', 'https://u:hunter2@example.com/x'],
  ])('%s refuses %s with 422 and never repeats it', async (_id, url) => {
    const answer = await connect(admin, { url });
    expect(answer).toMatchObject({ status: 422, body: { error: { code: 'repository-url' } } });
    expect(answer.text).not.toContain('hunter2');
  });

  it('A27 refuses branch names that git refuses', async () => {
    for (const defaultBranch of ['-h', '--output=x', 'a b', 'refs/heads/../x', 'x.lock', '@{-1}', 'a\u0007']) {
      expect((await connect(admin, { url: `${ORIGIN}/other.git`, defaultBranch })).status, defaultBranch).toBe(422);
    }
  });

  it('belong to admins, services to developers', async () => {
    expect((await connect(developer, { url: `${ORIGIN}/account.git` })).status).toBe(403);
    const { body } = await connect(admin, { url: `${ORIGIN}/account.git` });
    const register = (as: TestPerson, extra: object = {}) =>
      server.call('POST', '/api/v1/teams/shop/services', {
        as,
        body: { slug: 'account', repositoryId: body.repository.id, path: 'services/account', ...extra },
      });
    expect((await register(viewer)).body.error.code).toBe('role-too-low');
    expect((await register(developer, { path: '../x' })).status).toBe(422);
    expect(await register(developer)).toMatchObject({
      status: 200,
      body: { slug: 'account', team: 'shop', path: 'services/account' },
    });
    expect((await register(developer)).body.error.code).toBe('service-taken');
  });
});

describe('environments', () => {
  const settings = { gate: { approvals: 1 }, target: { kind: 'docker', engine: 'unix:///var/run/docker.sock' } };
  const put = (as: TestPerson, body: object) =>
    server.call('PUT', '/api/v1/teams/shop/environments/production', { as, body: { order: 1, settings, ...body } });

  it('I17 tell their lanes when settings change, and only then', async () => {
    const rebinds = () =>
      server.database.db
        .selectFrom('audit_entries')
        .select('action')
        .where('subject', '=', 'environment:production')
        .orderBy('sequence')
        .execute();
    expect((await put(developer, {})).status).toBe(403);
    expect((await put(admin, {})).body.settings.gate).toEqual({
      approvals: 1,
      roles: ['release-manager', 'admin'],
      noSelfApproval: true,
    });
    await put(admin, {});
    expect(await rebinds()).toEqual([{ action: 'environment.create' }]);
    await put(admin, { settings: { ...settings, gate: { approvals: 2 } } });
    expect(await rebinds()).toEqual([{ action: 'environment.create' }, { action: 'environment.change' }]);
    const { detail } = await server.database.db
      .selectFrom('audit_entries')
      .select('detail')
      .where('action', '=', 'environment.change')
      .executeTakeFirstOrThrow();
    expect(detail).toMatchObject({
      before: { settings: { gate: { approvals: 1 } } },
      after: { settings: { gate: { approvals: 2 } } },
      changed: ['settings.gate.approvals'],
    });
    const elsewhere = { kind: 'docker', engine: 'tcp://169.254.169.254:80' };
    expect((await put(admin, { settings: { ...settings, target: elsewhere } })).body.error).toMatchObject({
      code: 'engine-not-allowed',
      message: expect.stringContaining('SLUICE_DOCKER_ENGINES'),
    });
    for (const network of ['host', 'container:sluice', 'none'])
      expect((await put(admin, { settings: { ...settings, target: { ...settings.target, network } } })).status).toBe(
        400,
      );
    for (const [wrong, place] of [
      [{ healthPath: '/a\r\nX-Y: z' }, 'healthPath'],
      [{ healthPath: '//elsewhere.example/' }, 'healthPath'],
      [{ port: { container: 80, host: { shop: '127.0.0.1:80; rm' } } }, 'port.host.shop'],
      [{ port: { container: 80, host: { shop: 'elsewhere.example:80' } } }, 'port.host.shop'],
      [{ env: { 'A=B': 'c' } }, 'env'],
      [{ secrets: ['a b'] }, 'secrets.0'],
    ] as const)
      expect(await put(admin, { settings: { ...settings, target: { ...settings.target, ...wrong } } })).toMatchObject({
        status: 400,
        body: { error: { message: expect.stringContaining(`settings.target.${place}`) } },
      });
    const bad = await put(admin, { settings: { ...settings, target: { kind: 'docker', engine: 'docker.sock' } } });
    expect(bad).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('settings.target.engine') } },
    });
  });
});

describe('pools and runners', () => {
  it('A48 give out registration tokens that are kept as hashes, work once and end after 15 minutes', async () => {
    const { body: pool } = await server.call('POST', '/api/v1/pools', {
      as: admin,
      body: { name: 'shop-pool', team: 'shop', labels: ['gpu'] },
    });
    expect((await server.call('POST', '/api/v1/pools', { as: developer, body: { name: 'mine' } })).status).toBe(403);
    expect(
      (await server.call('POST', `/api/v1/pools/${pool.id}/registration-tokens`, { as: developer, body: {} })).status,
    ).toBe(403);
    const { body: issued } = await server.call('POST', `/api/v1/pools/${pool.id}/registration-tokens`, {
      as: admin,
      body: {},
    });
    expect(issued.token).toMatch(/^slg_/);
    const { db } = server.database;
    const row = await db.selectFrom('runner_registration_tokens').selectAll().executeTakeFirstOrThrow();
    expect(JSON.stringify(row)).not.toContain(issued.token);
    expect(new Date(issued.expiresAt).getTime() - Date.now()).toBeLessThanOrEqual(15 * 60_000 + 5_000);
    const register = (token: string) =>
      server.call('POST', '/api/v1/runner/register', { body: { token, name: 'r1', protocol: 1, version: '0.1.0' } });
    const first = await register(issued.token);
    expect(first).toMatchObject({
      status: 200,
      body: { pool: 'shop-pool', labels: ['gpu'], token: expect.stringMatching(/^slr_/) },
    });
    expect((await register(issued.token)).status).toBe(401);
    const { body: second } = await server.call('POST', `/api/v1/pools/${pool.id}/registration-tokens`, {
      as: admin,
      body: {},
    });
    await db
      .updateTable('runner_registration_tokens')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .where('used_at', 'is', null)
      .execute();
    expect((await register(second.token)).status).toBe(401);

    const runners = await server.call('GET', '/api/v1/runners', { as: viewer });
    expect(runners.body).toMatchObject([{ name: 'r1', pool: 'shop-pool', state: 'idle', busy: 0, jobs: [] }]);
    expect((await server.call('DELETE', `/api/v1/runners/${runners.body[0].id}`, { as: developer })).status).toBe(403);
    expect((await server.call('DELETE', `/api/v1/runners/${runners.body[0].id}`, { as: admin })).status).toBe(200);
    expect((await server.call('GET', '/api/v1/runners', { as: admin })).body).toEqual([]);
    const poll = { pollId: '01900000-0000-7000-8000-000000000000', slots: 1, waitSeconds: 0, protocol: 1 };
    expect((await server.call('POST', '/api/v1/runner/poll', { as: first.body.token, body: poll })).status).toBe(401);
  });
});

describe('audit', () => {
  it('I27 lists the changes of a team, newest first, by page; A79 refuses made-up cursors and limits', async () => {
    const page = async (query: string) => server.call('GET', `/api/v1/teams/shop/audit${query}`, { as: viewer });
    const first = await page('?limit=3');
    expect(first.body.items).toHaveLength(3);
    const second = await page(`?limit=200&cursor=${first.body.next}`);
    expect(second.body.next).toBeNull();
    const actions = [...first.body.items, ...second.body.items].map(({ action }: { action: string }) => action);
    for (const action of [
      'team.create',
      'role.set',
      'repository.connect',
      'service.register',
      'environment.create',
      'environment.change',
      'pool.create',
      'registration-token.create',
      'runner.remove',
    ]) {
      expect(actions).toContain(action);
    }
    for (const query of ['?cursor=x', '?cursor=1;drop', '?limit=1000000000', '?limit=0', '?sort=__proto__'])
      expect((await page(query)).status, query).toBe(400);
    expect(await verifyChain(server.database.db, server.app.get(ChainHead))).toMatchObject({ kind: 'intact' });
  });

  it('I27 keeps one chain when many record at once', async () => {
    const make = (n: number) =>
      server.call('POST', '/api/v1/teams', { as: admin, body: { slug: `many-${n}`, title: 'Many' } });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => make(n)));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(await verifyChain(server.database.db, server.app.get(ChainHead))).toMatchObject({ kind: 'intact' });
  });
});

describe('limits of running jobs', () => {
  const limits = (as: TestPerson) => server.call('GET', '/api/v1/teams/shop/limits', { as });
  const put = (as: TestPerson, path: string, runningJobs: unknown) =>
    server.call('PUT', `/api/v1/teams/${path}/limits`, { as, body: { runningJobs } });

  it('I27 of a team are set by system admins, of a service by the admins of its team; both are audited', async () => {
    const { body } = await connect(admin, { url: `${ORIGIN}/limited.git` });
    await server.call('POST', '/api/v1/teams/shop/services', {
      as: admin,
      body: { slug: 'limited', repositoryId: body.repository.id },
    });
    expect((await limits(viewer)).body).toEqual({ runningJobs: null, services: {}, runningNow: 0 });
    const shopAdmin = await server.person(admin, 'shop-admin@example.com', [{ team: 'shop', role: 'admin' }]);
    expect((await put(shopAdmin, 'shop', 4)).status).toBe(403);
    expect((await put(developer, 'shop/services/limited', 4)).status).toBe(403);
    expect((await put(admin, 'shop', 4)).status).toBe(200);
    expect((await put(shopAdmin, 'shop/services/limited', 2)).status).toBe(200);
    expect((await limits(viewer)).body).toEqual({ runningJobs: 4, services: { limited: 2 }, runningNow: 0 });
    expect((await put(admin, 'shop', null)).status).toBe(200);
    expect((await put(admin, 'shop', null)).status).toBe(200);
    const { body: audit } = await server.call('GET', '/api/v1/teams/shop/audit', { as: admin });
    expect(
      (audit.items as { action: string; subject: string; detail: object }[])
        .filter(({ action }) => action === 'limit.set')
        .map(({ subject, detail }) => ({ subject, ...detail })),
    ).toEqual([
      { subject: 'team:shop', before: 4, runningJobs: null },
      { subject: 'service:limited', before: null, runningJobs: 2 },
      { subject: 'team:shop', before: null, runningJobs: 4 },
    ]);
  });

  it.each([0, -1, 1.5, '4', undefined])('refuses %j', async (runningJobs) => {
    expect((await put(admin, 'shop', runningJobs)).status).toBe(400);
  });

  it('A72 are no business of another team', async () => {
    await server.call('POST', '/api/v1/teams', { as: admin, body: { slug: 'bank', title: 'Bank' } });
    const stranger = await server.person(admin, 'bank@example.com', [{ team: 'bank', role: 'admin' }]);
    expect((await limits(stranger)).status).toBe(404);
    expect((await put(stranger, 'shop/services/limited', 1)).status).toBe(404);
    expect((await put(stranger, 'bank/services/limited', 1)).status).toBe(404);
    expect((await put(stranger, 'shop', 1)).status).toBe(404);
    expect((await put(admin, 'nobody', 1)).status).toBe(404);
  });
});
