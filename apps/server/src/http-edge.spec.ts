import { request } from 'node:http';
import { createConnection } from 'node:net';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testApp, type TestApp, type TestPerson } from './testing/test-app.ts';

let server: TestApp;
let admin: TestPerson;
let web: string;

beforeAll(async () => {
  web = mkdtempSync(join(tmpdir(), 'sluice-web-'));
  mkdirSync(join(web, 'assets'));
  writeFileSync(
    join(web, 'index.html'),
    '<!doctype html><meta name="csp-nonce" content="__CSP_NONCE__"><title>Sluice</title>',
  );
  writeFileSync(join(web, 'assets', 'app-1.js'), 'x');
  writeFileSync(join(web, 'theme.js'), 'x');
  server = await testApp({ SLUICE_WEB_DIR: web });
  await server.app.listen(0, '127.0.0.1');
  admin = await server.setUp();
});
afterAll(async () => {
  await server.close();
  rmSync(web, { recursive: true, force: true });
});

/** Sends the path byte by byte; test clients that build addresses would tidy it up. */
async function askExactly(path: string): Promise<{ status: number; text: string }> {
  const { port } = server.app.getHttpServer().address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, path, agent: false }, (answer) => {
      let text = '';
      answer
        .on('data', (bytes: Buffer) => (text += bytes.toString()))
        .on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asking.on('error', reject).end();
  });
}

describe('answers', () => {
  it('carry the policy, the request id and nothing to cache', async () => {
    const { headers } = await server.call('GET', '/api/v1/session', { as: admin });
    expect(headers).toMatchObject({
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it.each([
    ['GET', '/api/nothing'],
    ['POST', '/api/v1/nothing'],
    ['PUT', '/nothing'],
    ['GET', '/hooks'],
    ['GET', '/api'],
  ])('%s %s is 404 in JSON', async (method, path) => {
    const answer = await server.call(method, path);
    expect(answer).toMatchObject({
      status: 404,
      body: { error: { code: 'not-found', message: expect.any(String), requestId: answer.headers['x-request-id'] } },
    });
  });

  it.each([
    '/api/x;.jsp',
    '/api//admin',
    '/api//v1/users',
    '/%2e%2e/',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/API/v1/users',
    '/api/v1/users/',
    '/api/v1/users;.jsp',
    '/api/v1/users%2f',
    '/app/..%2fapi/v1/users',
    '/x//y',
    '/RPC2.xml',
    '/.env',
    '/.git/config',
    '/assets/missing.js',
    '/\\evil',
  ])('A58 %s leads nowhere', async (path) => {
    const answer = await askExactly(path);
    expect([400, 401, 404]).toContain(answer.status);
    expect(answer.text).not.toContain('<!doctype');
  });

  it('A58 a query that looks like a page opens nothing', async () => {
    expect((await server.call('GET', '/api/v1/users?jsp=/app/rest/users;.jsp')).status).toBe(401);
  });

  it.each(['%', '/%zz', '/api/v1/%ff'])('a malformed address %s is answered in the same shape', async (path) => {
    const answer = await server.call('GET', path.startsWith('/') ? path : `/${path}`);
    expect(answer.status).toBe(400);
    expect(answer.body.error.code).toBe('bad-request');
  });

  it('A09 refuse bodies that are no plain JSON', async () => {
    const send = (payload: string) =>
      server.call('POST', '/api/v1/session', {
        body: payload as unknown as object,
        headers: { 'content-type': 'application/json' },
      });
    for (const text of ['{', '{"a":NaN}', '{"__proto__":{"x":1}}', '{"constructor":{"prototype":{"x":1}}}', '']) {
      const answer = await send(text);
      expect(answer.status, text).toBe(400);
      expect(answer.text, text).not.toMatch(/at .*\.ts|node_modules/);
    }
    expect(({} as { x?: unknown }).x).toBeUndefined();
    expect((await send(`${'['.repeat(10_000)}${']'.repeat(10_000)}`)).status).toBe(400);
  });

  it('A09 refuse text that cannot be stored, and name its place', async () => {
    for (const title of ['a\0b', 'a\ud800']) {
      const answer = await server.call('POST', '/api/v1/teams', { as: admin, body: { slug: 'broken', title } });
      expect(answer).toMatchObject({
        status: 400,
        body: { error: { code: 'broken-text', message: expect.stringContaining('title') } },
      });
    }
  });

  it('A78 refuse a write whose scope stands in the address, where it would be lost', async () => {
    await server.call('POST', '/api/v1/teams', { as: admin, body: { slug: 'scoped', title: 'Scoped' } });
    const secret = '/api/v1/teams/scoped/secrets/TOKEN';
    expect((await server.call('PUT', secret, { as: admin, body: { value: 'of the whole team' } })).status).toBe(200);
    const answer = await server.call('DELETE', `${secret}?environment=production`, { as: admin });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'query-on-write' } } });
    expect((await server.call('GET', '/api/v1/teams/scoped/secrets', { as: admin })).body).toMatchObject([
      { name: 'TOKEN' },
    ]);
  });

  it('A78 refuse a misspelt key however deep it lies, so that no gate stands open by mistake', async () => {
    await server.call('POST', '/api/v1/teams', { as: admin, body: { slug: 'strict', title: 'Strict' } });
    const target = { kind: 'docker', engine: 'unix:///x' };
    const put = (settings: object) =>
      server.call('PUT', '/api/v1/teams/strict/environments/production', { as: admin, body: { order: 1, settings } });
    for (const settings of [
      { gates: { approvals: 2 }, target },
      { gate: { approvals: 2, noSelfAproval: true }, target },
      { target: { ...target, privileged: true } },
    ]) {
      expect(await put(settings)).toMatchObject({ status: 400, body: { error: { code: 'bad-request' } } });
    }
    expect((await put({ gate: { approvals: 2 }, target })).status).toBe(200);
  });

  it('A08 refuse large and encoded bodies before reading them', async () => {
    const large = await server.call('POST', '/api/v1/session', {
      body: { email: 'a@example.com', password: 'x'.repeat(1_100_000) },
    });
    expect(large).toMatchObject({ status: 413, body: { error: { code: 'too-large' } } });
    const encoded = await server.call('POST', '/api/v1/session', {
      body: { email: 'a@example.com', password: 'x' },
      headers: { 'content-encoding': 'gzip' },
    });
    expect(encoded).toMatchObject({ status: 415, body: { error: { code: 'content-encoding' } } });
  });

  it('A80 believe no header about where they are', async () => {
    const spoofed = { 'x-forwarded-host': 'evil.example', 'x-forwarded-for': '1.2.3.4', host: 'evil.example' };
    const answer = await server.call('GET', '/api/v1/session', { as: admin, headers: spoofed });
    expect(answer.text).not.toContain('evil.example');
  });

  it('never show a stack when the fault is ours', async () => {
    const session = server.database.db.schema.alterTable('sessions');
    await session.renameTo('sessions_away').execute();
    try {
      const answer = await server.call('GET', '/api/v1/session', { as: admin });
      expect(answer).toMatchObject({ status: 500, body: { error: { code: 'internal' } } });
      expect(answer.text).not.toMatch(/sessions|relation|node_modules/);
    } finally {
      await server.database.db.schema.alterTable('sessions_away').renameTo('sessions').execute();
    }
  });
});

describe('web pages', () => {
  it.each(['/', '/services/catalog/runs/12', '/approvals'])('%s is the page, with a nonce of its own', async (path) => {
    const [one, two] = [await server.call('GET', path), await server.call('GET', path)];
    const nonce = /content="([^"]+)"/.exec(one.text)?.[1];
    expect(one.status).toBe(200);
    expect(nonce).toMatch(/^[A-Za-z0-9+/=]{20,}$/);
    expect(one.headers['content-security-policy']).toContain(`'nonce-${nonce}'`);
    expect(two.text).not.toContain(nonce);
  });

  it('serves built files with their own cache rules', async () => {
    expect((await server.call('GET', '/assets/app-1.js')).headers['cache-control']).toContain('immutable');
    expect((await server.call('GET', '/theme.js')).headers['cache-control']).toBe('no-cache');
  });
});

describe('documentation of the API', () => {
  it('is OpenAPI 3.1 with every contract route', async () => {
    const { body } = await server.call('GET', '/api/openapi.json');
    expect(body.openapi).toMatch(/^3\.1/);
    expect(Object.keys(body.paths).length).toBeGreaterThan(35);
    expect(body.paths['/teams/{team}/secrets/{name}'].put.summary).toContain('never be read back');
  });

  it('is a page without scripts or foreign addresses', async () => {
    const page = await server.call('GET', '/api/docs');
    expect(page.status).toBe(200);
    expect(page.text).toContain('/approvals/{deploymentId}/approve');
    expect(page.text).not.toMatch(/<script|https?:\/\/|style=/);
    expect((await server.call('GET', '/api/docs/style.css')).headers['content-type']).toContain('text/css');
  });
});

describe('health', () => {
  it('A82 says no more than words', async () => {
    expect((await server.call('GET', '/healthz')).body).toEqual({ status: 'alive' });
    expect(await server.call('GET', '/readyz')).toMatchObject({ status: 200, body: { ready: true } });
  });

  it('is not ready when nobody carries messages out', async () => {
    await server.database.db
      .insertInto('outbox')
      .values({ topic: 'nobody', payload: '{}', available_at: new Date(Date.now() - 60_000) })
      .execute();
    expect(await server.call('GET', '/readyz')).toMatchObject({
      status: 503,
      body: { ready: false, checks: { outbox: 'failing', database: 'ok' } },
    });
    await server.database.db.deleteFrom('outbox').execute();
    expect((await server.call('GET', '/readyz')).status).toBe(200);
  });
});

it('A12 hangs up on a request that never ends', { timeout: 30_000 }, async () => {
  const { port } = server.app.getHttpServer().address() as AddressInfo;
  const socket = createConnection(port, '127.0.0.1');
  let answer = '';
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    socket.on('data', (bytes) => (answer += bytes.toString()));
    socket.on('close', () => resolve());
    socket.on('error', () => resolve());
    socket.write('POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Ty');
  });
  expect(answer).toMatch(/^HTTP\/1\.1 408/);
  expect(performance.now() - startedAt).toBeLessThan(14_000);
});
