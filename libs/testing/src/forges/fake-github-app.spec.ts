import { sign } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startFakeForge, type FakeForge } from './fake-forge.ts';

const COMMIT = 'd4'.repeat(20);
const CHECK = { name: 'sluice/a', head_sha: COMMIT, status: 'queued' };
let forge: FakeForge;
let token: string;

function jwt(claims: object = {}, alg = 'RS256'): string {
  const now = Math.floor(Date.now() / 1_000);
  const all = { iat: now - 60, exp: now + 540, iss: forge.app.id, ...claims };
  const text = [{ alg, typ: 'JWT' }, all]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${text}.${sign('sha256', Buffer.from(text), forge.app.privateKey).toString('base64url')}`;
}

async function call(method: string, path: string, bearer: string, body?: object) {
  const answer = await fetch(`${forge.apiUrl('github')}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`,
      accept: 'application/vnd.github+json',
      'content-type': 'application/json',
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}
const tokenFor = (body: object, bearer = jwt()) =>
  call('POST', `/app/installations/${forge.app.installationId}/access_tokens`, bearer, body);
const NARROW = { repositories: ['b'], permissions: { checks: 'write' } };
const check = async (body: object, id?: number, bearer = token, repository = 'a/b') =>
  call(
    id === undefined ? 'POST' : 'PATCH',
    `/repos/${repository}/check-runs${id === undefined ? '' : `/${id}`}`,
    bearer,
    body,
  );

beforeAll(async () => {
  forge = await startFakeForge();
});
afterAll(() => forge.stop());
beforeEach(async () => {
  token = String((await tokenFor(NARROW)).body['token']);
});

describe('the fake of a GitHub App', () => {
  it.each([
    ['issued ahead of time', { iat: Math.floor(Date.now() / 1_000) + 100 }],
    ['valid for too long', { exp: Math.floor(Date.now() / 1_000) + 700 }],
    ['over', { exp: 1 }],
    ['of another App', { iss: '99' }],
    ['without a time', { iat: undefined }],
  ])('refuses a JSON web token that is %s', async (_, claims) => {
    expect((await call('GET', '/repos/a/b/installation', jwt(claims))).status).toBe(401);
  });

  it('refuses a JSON web token that nobody signed, and one of another kind', async () => {
    const [head, claims] = jwt().split('.');
    for (const wrong of [`${head}.${claims}.`, jwt({}, 'none'), `${jwt()}x`.replace(/.{8}$/, 'AAAAAAAA'), token])
      expect((await call('GET', '/repos/a/b/installation', wrong)).status).toBe(401);
    expect(await call('GET', '/repos/a/b/installation', jwt({ iss: forge.app.clientId }))).toMatchObject({
      status: 200,
      body: { id: forge.app.installationId },
    });
  });

  it('gives a token for the checks of one repository, and for nothing more', async () => {
    for (const wide of [
      {},
      { repositories: ['b'] },
      { ...NARROW, repositories: ['b', 'c'] },
      { ...NARROW, permissions: { checks: 'write', contents: 'read' } },
    ])
      expect((await tokenFor(wide)).status).toBe(422);
    expect((await check(CHECK)).status).toBe(201);
    expect((await check(CHECK, undefined, token, 'a/other')).status).toBe(404);
    expect((await check(CHECK, undefined, jwt())).status).toBe(401);
    expect((await check(CHECK, undefined, forge.token)).status).toBe(401);
  });

  it.each([
    ['a misspelt key', { details: 'x' }],
    ['a status of GitHub Actions’ own', { status: 'waiting' }],
    ['an end without a conclusion', { status: 'completed' }],
    ['a conclusion without an end', { conclusion: 'success' }],
    ['a conclusion that GitHub alone sets', { status: 'completed', conclusion: 'stale' }],
    ['a time that is none', { started_at: 'yesterday' }],
    ['an output without a summary', { output: { title: 'x' } }],
    ['a summary that is too long', { output: { title: 'x', summary: 'x'.repeat(65_536) } }],
    ['a link that is none', { details_url: 'run 1' }],
    ['a commit that it does not have', { head_sha: '0'.repeat(40) }],
  ])('refuses %s', async (_, change) => {
    expect((await check({ ...CHECK, ...change })).status).toBe(422);
  });

  it('lets a check go on and say the same again, never back; one that waits for somebody begins anew', async () => {
    const id = Number((await check(CHECK)).body['id']);
    const go = async (status: string, conclusion?: string) =>
      (await check({ status, ...(conclusion && { conclusion }) }, id)).status;
    expect(await go('in_progress')).toBe(200);
    expect(await go('queued')).toBe(422);
    expect(await go('completed', 'action_required')).toBe(200);
    expect(await go('queued')).toBe(200);
    expect(await go('completed', 'failure')).toBe(200);
    expect(await go('completed', 'failure')).toBe(200);
    expect(await go('completed', 'success')).toBe(422);
    expect(await go('in_progress')).toBe(422);
    expect((await check(CHECK, 5)).status).toBe(404);
  });

  it('lists the newest of each name, or all, and refuses what it does not know', async () => {
    const name = 'sluice/listed';
    for (const external_id of ['1', '2']) await check({ ...CHECK, name, external_id });
    const list = async (query: string) => call('GET', `/repos/a/b/commits/${COMMIT}/check-runs?${query}`, token);
    expect((await list(`check_name=${encodeURIComponent(name)}`)).body['check_runs']).toMatchObject([
      { external_id: '2' },
    ]);
    expect((await list(`check_name=${encodeURIComponent(name)}&filter=all&app_id=${forge.app.id}`)).body).toMatchObject(
      {
        total_count: 2,
      },
    );
    expect((await list('app_id=Iv1.x')).status).toBe(422);
    expect((await list('name=x')).status).toBe(422);
  });
});
