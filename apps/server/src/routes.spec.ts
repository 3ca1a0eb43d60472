import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from './platform/db/database.ts';
import { testApp, type TestApp, type TestPerson } from './testing/test-app.ts';

/** Everything that answers without credentials, each for a reason. Adding a line here is a decision. */
const PUBLIC = new Map([
  ['GET /api/v1/setup', 'the page asks whether it is the first start'],
  ['POST /api/v1/setup', 'carries the one-time token'],
  ['POST /api/v1/session', 'sign-in'],
  ['POST /api/v1/password-reset', 'carries the one-time token'],
  ['POST /api/v1/runner/register', 'carries the registration token'],
  ['POST /hooks/:hookId', 'carries a signature'],
  ['GET /healthz', 'no details'],
  ['GET /readyz', 'no details'],
  ['GET /metrics', 'carries the token of the operator; not there without one'],
  ['GET /api/openapi.json', 'the same for every installation'],
  ['GET /api/docs', 'the same for every installation'],
  ['GET /api/docs/style.css', 'the same for every installation'],
  ['GET /*', 'the web pages'],
]);

let server: TestApp;
let admin: TestPerson;
let stranger: TestPerson;
const ids = {
  team: randomUUID(),
  repository: randomUUID(),
  hook: randomUUID(),
  service: randomUUID(),
  environment: randomUUID(),
  pool: randomUUID(),
  runner: randomUUID(),
  run: randomUUID(),
  attempt: randomUUID(),
  release: randomUUID(),
  lane: randomUUID(),
  deployment: randomUUID(),
  secret: randomUUID(),
  token: randomUUID(),
  session: randomUUID(),
  artifact: randomUUID(),
  shell: randomUUID(),
};

beforeAll(async () => {
  server = await testApp();
  admin = await server.setUp();
  await server.call('POST', '/api/v1/teams', { as: admin, body: { slug: 'strangers', title: 'Strangers' } });
  stranger = await server.person(admin, 'stranger@example.com', [{ team: 'strangers', role: 'admin' }]);
  await storeOtherTeam();
});
afterAll(() => server.close());

function routesOf(): { method: string; url: string }[] {
  const all = server.routes.flatMap(({ method, url }) => [method].flat().map((one) => ({ method: one, url })));
  // Fastify adds HEAD to each GET, and Nest registers catch-all routes for its own 404.
  return all.filter(({ method, url }) => method !== 'HEAD' && !(method !== 'GET' && /^\/?\*?$/.test(url)));
}

const fill = (url: string, values: Record<string, string>) =>
  url.replace(/:([A-Za-z]+)/g, (_match, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${url}: give :${name} a value in routes.spec.ts`);
    return value;
  });

describe('A58 every registered route', () => {
  it('needs credentials, except the listed ones', async () => {
    const routes = routesOf();
    expect(routes.length).toBeGreaterThan(30);
    const open: string[] = [];
    for (const { method, url } of routes) {
      if (PUBLIC.has(`${method} ${url}`)) continue;
      const path = url.replace(/:[A-Za-z]+/g, '0').replace('*', 'x');
      const answers = [
        await server.call(method, path, method === 'GET' ? {} : { body: {} }),
        await server.call(method, path, { as: 'slt_unknown', ...(method === 'GET' ? {} : { body: {} }) }),
        await server.call(method, path, { as: 'slr_unknown', ...(method === 'GET' ? {} : { body: {} }) }),
      ];
      if (answers.some(({ status }) => status !== 401))
        open.push(`${method} ${url} answered ${answers.map(({ status }) => status).join(', ')}`);
      for (const answer of answers.filter(({ body }) => body !== undefined)) {
        expect(Object.keys(answer.body.error), `${method} ${url}`).toEqual(['code', 'message', 'requestId']);
      }
    }
    expect(open).toEqual([]);
  });

  it('A49 keeps runner tokens and people apart', async () => {
    const token = 'slr_test-runner';
    const { hashToken } = await import('./platform/http/bearer-tokens.ts');
    await server.database.db
      .updateTable('runners')
      .set({ token_hash: hashToken(token) })
      .where('id', '=', ids.runner)
      .execute();
    for (const { method, url } of routesOf()) {
      if (PUBLIC.has(`${method} ${url}`)) continue;
      const path = url.replace(/:[A-Za-z]+/g, randomUUID()).replace('*', 'x');
      const body = method === 'GET' ? {} : { body: {} };
      const asked = url.startsWith('/api/v1/runner/')
        ? await server.call(method, path, { as: admin, ...body })
        : await server.call(method, path, { as: token, ...body });
      expect(asked.status, `${method} ${url}`).toBe(401);
    }
  });
});

describe("A49 another team's things", () => {
  /** Valid bodies, so that nothing but the missing right can refuse the call. */
  const bodies: Record<string, object> = {
    'PUT /api/v1/teams/:team/members/:userId': { role: 'admin' },
    'POST /api/v1/teams/:team/repositories': { url: 'https://1.1.1.1/team/app.git', kind: 'git' },
    'POST /api/v1/teams/:team/services': { slug: 'mine', repositoryId: ids.repository },
    'PUT /api/v1/teams/:team/environments/:name': {
      order: 1,
      settings: { target: { kind: 'docker', engine: 'unix:///x' } },
    },
    'PUT /api/v1/teams/:team/repositories/:repositoryId/statuses': { statuses: null },
    'PUT /api/v1/teams/:team/secrets/:name': { value: 'x' },
    'PUT /api/v1/teams/:team/retention': { limits: {} },
    'PUT /api/v1/users/:userId/disabled': { disabled: true },
    'PUT /api/v1/users/:userId/identities': { identities: [] },
    'PUT /api/v1/teams/:team/limits': { runningJobs: null },
    'PUT /api/v1/teams/:team/services/:service/limits': { runningJobs: null },
    'POST /api/v1/services/:service/runs': { ref: 'main' },
    'POST /api/v1/runs/:runId/cancel': {},
    'POST /api/v1/runs/:runId/admit': { commit: '0'.repeat(40) },
    'POST /api/v1/attempts/:attemptId/kept/shells': { columns: 80, rows: 24 },
    'POST /api/v1/shells/:shellId/read': { from: 0 },
    'POST /api/v1/shells/:shellId/write': { text: 'x' },
    'POST /api/v1/shells/:shellId/resize': { columns: 80, rows: 24 },
    'POST /api/v1/approvals/:deploymentId/approve': { binding: '0'.repeat(64) },
    'POST /api/v1/approvals/:deploymentId/reject': { binding: '0'.repeat(64), reason: 'because' },
  };
  const values = (url: string): Record<string, string> => ({
    team: 'owners',
    name: url.includes('/secrets/') ? 'SECRET' : 'production',
    userId: admin.userId,
    repositoryId: ids.repository,
    service: 'owned',
    number: '1',
    runId: ids.run,
    attemptId: ids.attempt,
    deploymentId: ids.deployment,
    laneId: ids.lane,
    poolId: ids.pool,
    runnerId: ids.runner,
    tokenId: ids.token,
    sessionId: ids.session,
    artifactId: ids.artifact,
    shellId: ids.shell,
    link: 'x',
  });

  it('are not there: 404 on every route that names one', async () => {
    const wrong: string[] = [];
    for (const { method, url } of routesOf()) {
      if (PUBLIC.has(`${method} ${url}`) || url.startsWith('/api/v1/runner/') || !url.includes(':')) continue;
      const body = bodies[`${method} ${url}`] ?? {};
      const answer = await server.call(method, fill(url, values(url)), {
        as: stranger,
        ...(method === 'GET' ? {} : { body }),
      });
      const hint = answer.status === 400 ? `; give it a valid body in routes.spec.ts (${answer.text})` : '';
      if (answer.status !== 404) wrong.push(`${method} ${url} answered ${answer.status}${hint}`);
    }
    expect(wrong).toEqual([]);
  });

  it('do not show in what lists everything, nor in bodies that name them', async () => {
    const own = Object.values(ids);
    for (const { method, url } of routesOf()) {
      if (
        method !== 'GET' ||
        PUBLIC.has(`GET ${url}`) ||
        url.startsWith('/api/v1/runner/') ||
        url.includes(':') ||
        url === '/api/v1/live'
      )
        continue;
      const answer = await server.call('GET', url, { as: stranger });
      expect([200, 403], `GET ${url}`).toContain(answer.status);
      for (const text of [...own, 'owners', 'owned']) expect(answer.text, `GET ${url}`).not.toContain(text);
    }
    expect(
      (await server.call('POST', '/api/v1/pools', { as: stranger, body: { name: 'x', team: 'owners' } })).status,
    ).toBe(404);
    expect(
      (
        await server.call('POST', '/api/v1/tokens', {
          as: stranger,
          body: { name: 'x', team: 'owners', scopes: ['read'] },
        })
      ).status,
    ).toBe(404);
    const body = { slug: 'mine', repositoryId: ids.repository };
    expect((await server.call('POST', '/api/v1/teams/strangers/services', { as: stranger, body })).status).toBe(404);
    const secret = { value: 'x', service: 'owned' };
    expect(
      (await server.call('PUT', '/api/v1/teams/strangers/secrets/SECRET', { as: stranger, body: secret })).status,
    ).toBe(404);
  });
});

async function storeOtherTeam(): Promise<void> {
  const { db } = server.database;
  const now = new Date();
  const team = { team_id: ids.team };
  await db.insertInto('teams').values({ id: ids.team, slug: 'owners', title: 'Owners' }).execute();
  await db
    .insertInto('memberships')
    .values({ ...team, user_id: admin.userId, role: 'admin' })
    .execute();
  await db
    .insertInto('repositories')
    .values({ ...team, id: ids.repository, url: 'https://host/owned.git', kind: 'git', default_branch: 'main' })
    .execute();
  await db
    .insertInto('hooks')
    .values({ ...team, id: ids.hook, repository_id: ids.repository, secret_sealed: 'x' })
    .execute();
  await db
    .insertInto('services')
    .values({ ...team, id: ids.service, slug: 'owned', repository_id: ids.repository })
    .execute();
  await db
    .insertInto('environments')
    .values({ ...team, id: ids.environment, name: 'production', settings: json({}), settings_hash: 'x' })
    .execute();
  await db
    .insertInto('secrets')
    .values({ ...team, id: ids.secret, name: 'SECRET', value_sealed: 'x', updated_by: 'x' })
    .execute();
  await db
    .insertInto('pools')
    .values({ ...team, id: ids.pool, name: 'owned-pool', trust: 'trusted' })
    .execute();
  await db
    .insertInto('runners')
    .values({ id: ids.runner, pool_id: ids.pool, name: 'owned-runner', token_hash: 'x' })
    .execute();
  await db
    .insertInto('api_tokens')
    .values({ id: ids.token, user_id: admin.userId, ...team, name: 'x', token_hash: 'x', scopes: json(['read']) })
    .execute();
  await db
    .insertInto('sessions')
    .values({
      id: ids.session,
      user_id: admin.userId,
      token_hash: 'x',
      csrf_token: 'x',
      expires_at: new Date(Date.now() + 60_000),
    })
    .execute();
  const run = { service_id: ids.service, run_id: ids.run };
  await db
    .insertInto('runs')
    .values({
      ...team,
      id: ids.run,
      service_id: ids.service,
      number: 1,
      status: 'passed',
      version: 1,
      ref: 'refs/heads/main',
      commit: 'a'.repeat(40),
      trust: 'trusted',
      definition: json({}),
      plan_hash: 'x',
      state: json({}),
      created_at: now,
    })
    .execute();
  await db
    .insertInto('attempts')
    .values({ ...team, ...run, id: ids.attempt, job_key: 'commit/unit', number: 1, trust: 'trusted' })
    .execute();
  await db
    .insertInto('releases')
    .values({
      ...team,
      ...run,
      id: ids.release,
      run_number: 1,
      commit: 'a'.repeat(40),
      repository: 'r',
      digest: `sha256:${'a'.repeat(64)}`,
      plan_hash: 'x',
      route: json([]),
      evidence: json({}),
    })
    .execute();
  await db
    .insertInto('kept_jobs')
    .values({
      ...team,
      attempt_id: ids.attempt,
      run_id: ids.run,
      runner_id: ids.runner,
      epoch: 1,
      until: new Date(Date.now() + 3_600_000),
    })
    .execute();
  await db
    .insertInto('debug_shells')
    .values({
      ...team,
      id: ids.shell,
      attempt_id: ids.attempt,
      opened_by: randomUUID(),
      opened_by_actor: json({ kind: 'user', name: 'x' }),
    })
    .execute();
  await db
    .insertInto('lanes')
    .values({
      ...team,
      id: ids.lane,
      service_id: ids.service,
      environment_id: ids.environment,
      version: 1,
      state: json({}),
    })
    .execute();
  await db
    .insertInto('deployments')
    .values({
      ...team,
      id: ids.deployment,
      lane_id: ids.lane,
      service_id: ids.service,
      environment_id: ids.environment,
      release_id: ids.release,
      status: 'waiting',
      requested_by: json({ kind: 'system', name: 'x' }),
      binding: '0'.repeat(64),
      settings: json({}),
      entered_at: now,
    })
    .execute();
}
