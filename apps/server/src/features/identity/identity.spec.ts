import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testApp, type TestApp, type TestPerson } from '../../testing/test-app.ts';
import { SetupLink } from './setup-link.ts';
import { ChainHead, verifyChain } from '../audit/index.ts';

let server: TestApp;
let admin: TestPerson;
const email = 'ada@example.com';
const password = 'correct horse battery';

beforeAll(async () => {
  server = await testApp();
});
afterAll(() => server.close());

describe('set-up', () => {
  it('A83 works once with the newest link and is gone afterwards', async () => {
    expect((await server.call('GET', '/api/v1/setup')).body).toEqual({ needed: true });
    const link = server.app.get(SetupLink);
    const older = new URL((await link.renew())!, 'http://x').searchParams.get('token');
    const newest = new URL((await link.renew())!, 'http://x').searchParams.get('token');
    const body = { email, name: 'Ada', password };
    expect((await server.call('POST', '/api/v1/setup', { body: { ...body, token: older } })).status).toBe(404);
    expect((await server.call('POST', '/api/v1/setup', { body: { ...body, token: 'slu_wrong' } })).status).toBe(404);
    const raced = await Promise.all(
      [1, 2, 3].map((n) =>
        server.call('POST', '/api/v1/setup', { body: { ...body, email: `a${n}@example.com`, token: newest } }),
      ),
    );
    expect(raced.map(({ status }) => status).sort((one, other) => one - other)).toEqual([200, 404, 404]);
    const made = raced.find(({ status }) => status === 200)!;
    expect(made.body).toMatchObject({ systemAdmin: true, csrfToken: expect.any(String) });
    expect(made.headers['set-cookie']).toMatch(/^__Host-sluice=sls_[\w-]+; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
    admin = {
      cookie: String(made.headers['set-cookie']).split(';')[0]!,
      csrf: made.body.csrfToken,
      userId: made.body.userId,
    };
    expect((await server.call('GET', '/api/v1/setup')).body).toEqual({ needed: false });
    expect(await link.renew()).toBeUndefined();
    expect((await server.call('POST', '/api/v1/setup', { body: { ...body, token: newest } })).status).toBe(404);
  });
});

describe('sign-in', () => {
  it('A77 answers alike for an unknown person and a wrong password, then slows down', async () => {
    await server.person(admin, 'slow@example.com');
    const tryOnce = (who: string, word = 'wrong password!') =>
      server.call('POST', '/api/v1/session', { body: { email: who, password: word } });
    const [unknown, wrong] = [await tryOnce('nobody@example.com'), await tryOnce('slow@example.com')];
    expect([unknown.status, wrong.status]).toEqual([401, 401]);
    expect(unknown.body.error.message).toBe(wrong.body.error.message);
    for (let tries = 1; tries < 10; tries += 1) await tryOnce('slow@example.com');
    const refused = await tryOnce('slow@example.com', password);
    expect(refused).toMatchObject({ status: 429, body: { error: { code: 'too-many-tries' } } });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('A77 refuses a password of 129 characters before hashing it', async () => {
    const answer = await server.call('POST', '/api/v1/session', { body: { email, password: 'x'.repeat(129) } });
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { code: 'bad-request', message: expect.stringContaining('password') } },
    });
  });

  it('ends with sign-out', async () => {
    const person = await server.person(admin, 'leaves@example.com');
    expect((await server.call('GET', '/api/v1/session', { as: person })).status).toBe(200);
    const out = await server.call('DELETE', '/api/v1/session', { as: person });
    expect(out).toMatchObject({ status: 200, body: { ok: true } });
    expect(String(out.headers['set-cookie'])).toContain('Max-Age=0');
    expect((await server.call('GET', '/api/v1/session', { as: person })).status).toBe(401);
  });

  it('A73 ends an idle session', async () => {
    const person = await server.person(admin, 'idle@example.com');
    await server.database.db
      .updateTable('sessions')
      .set({ last_used_at: new Date(Date.now() - 9 * 3_600_000) })
      .where('user_id', '=', person.userId)
      .execute();
    expect((await server.call('GET', '/api/v1/session', { as: person })).status).toBe(401);
  });
});

describe('writes with a session', () => {
  it.each([
    ['no request token', { 'x-sluice-csrf': '' }, 'csrf'],
    ['a wrong request token', { 'x-sluice-csrf': 'nope' }, 'csrf'],
    ['a foreign page', { origin: 'https://evil.example' }, 'foreign-origin'],
    ['a sandboxed page', { origin: 'null' }, 'foreign-origin'],
    ['another port of this machine', { origin: 'http://localhost:4001' }, 'foreign-origin'],
  ])('A71 refuses %s', async (_what, headers, code) => {
    const answer = await server.call('POST', '/api/v1/teams', { as: admin, body: { slug: 'x', title: 'X' }, headers });
    expect(answer).toMatchObject({ status: 403, body: { error: { code, requestId: expect.any(String) } } });
  });

  it('A71 no form content type, no write by GET', async () => {
    const form = await server.call('POST', '/api/v1/teams', {
      as: admin,
      body: 'slug=x&title=X',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(form.status).toBe(415);
    expect((await server.call('GET', '/api/v1/tokens/x', { as: admin })).status).toBe(405);
  });

  it('A71 sign-in from a foreign page is refused too', async () => {
    const answer = await server.call('POST', '/api/v1/session', {
      body: { email, password },
      headers: { origin: 'https://evil.example' },
    });
    expect(answer.status).toBe(403);
  });

  it('A78 refuses fields it does not know', async () => {
    const answer = await server.call('POST', '/api/v1/users', {
      as: admin,
      body: { email: 'm@example.com', name: 'M', password, systemAdmin: true },
    });
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { code: 'unknown-field', message: expect.stringContaining('systemAdmin') } },
    });
  });

  it('A72 gives a login to one person only, however it is written', async () => {
    const person = (address: string, login: string) =>
      server.call('POST', '/api/v1/users', {
        as: admin,
        body: { email: address, name: 'N', password, identities: [{ kind: 'login', value: login }] },
      });
    expect((await person('octo@example.com', 'Octo-Cat')).status).toBe(200);
    expect(await person('octo2@example.com', 'octo-cat')).toMatchObject({
      status: 409,
      body: { error: { code: 'identity-taken' } },
    });
  });

  it('names every field that is wrong', async () => {
    const answer = await server.call('POST', '/api/v1/users', {
      as: admin,
      body: { email: 'nope', name: '', password: 'short' },
    });
    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toMatch(/email: .*name: .*password: use at least 12 characters/);
  });
});

describe('people and roles', () => {
  it('lets system admins add people, keeps the last admin, and rights hold from the next request', async () => {
    await server.call('POST', '/api/v1/teams', { as: admin, body: { slug: 'roles', title: 'Roles' } });
    const person = await server.person(admin, 'dev@example.com', [{ team: 'roles', role: 'developer' }]);
    expect((await server.call('GET', '/api/v1/session', { as: person })).body).toMatchObject({
      systemAdmin: false,
      memberships: [{ team: 'roles', title: 'Roles', role: 'developer' }],
    });
    expect((await server.call('GET', '/api/v1/users', { as: person })).status).toBe(403);
    const set = (as: TestPerson, userId: string, role: string | null) =>
      server.call('PUT', `/api/v1/teams/roles/members/${userId}`, { as, body: { role } });
    expect((await set(person, person.userId, 'admin')).status).toBe(403);
    expect((await set(admin, admin.userId, null)).body.error.code).toBe('last-admin');
    expect((await set(admin, person.userId, null)).status).toBe(200);
    expect((await server.call('GET', '/api/v1/teams/roles/environments', { as: person })).status).toBe(404);
    const taken = await server.call('POST', '/api/v1/users', {
      as: admin,
      body: { email: 'DEV@example.com', name: 'X', password },
    });
    expect(taken).toMatchObject({ status: 409, body: { error: { code: 'email-taken' } } });
    const people = await server.call('GET', '/api/v1/users', { as: admin });
    expect(people.body.find((one: { email: string }) => one.email === 'dev@example.com').identities).toEqual([
      { kind: 'email', value: 'dev@example.com' },
    ]);
  });

  it('identities are linked later too, by system admins alone, and each belongs to one person', async () => {
    const rita = await server.person(admin, 'late-rita@example.com');
    const other = await server.person(admin, 'late-other@example.com');
    const set = (as: TestPerson | string, userId: string, identities: object[]) =>
      server.call('PUT', `/api/v1/users/${userId}/identities`, { as, body: { identities } });
    const login = { kind: 'login', value: 'Rita-At-The-Forge' };
    const own = { kind: 'email', value: 'late-rita@example.com' };
    expect((await set(rita, rita.userId, [login])).status).toBe(404);
    expect((await set(admin, randomUUID(), [login])).status).toBe(404);
    expect((await set(admin, rita.userId, [{ kind: 'shoe', value: '42' }])).status).toBe(400);
    expect((await set(admin, rita.userId, [login, { ...login, value: 'rita-at-the-forge' }])).body.identities).toEqual([
      own,
      login,
    ]);
    expect(await set(admin, other.userId, [{ kind: 'login', value: 'RITA-at-the-forge' }])).toMatchObject({
      status: 409,
      body: { error: { code: 'identity-taken' } },
    });
    expect(await set(admin, other.userId, [{ ...own, value: 'LATE-rita@example.com' }])).toMatchObject({ status: 409 });
    // What could not be set changed nothing, and a person's own address stays whatever is set.
    expect((await set(admin, rita.userId, [])).body.identities).toEqual([own]);
    const { body } = await server.call('GET', '/api/v1/audit', { as: admin });
    expect(body.items[0]).toMatchObject({
      action: 'identities.set',
      detail: { before: expect.arrayContaining([login, own]), identities: [own] },
    });
  });
});

describe('API tokens', () => {
  const create = async (as: TestPerson | string, body: object) => server.call('POST', '/api/v1/tokens', { as, body });

  it('are shown once, limited by scope and team, and cannot make successors', async () => {
    await server.call('POST', '/api/v1/teams', { as: admin, body: { slug: 'tokens', title: 'Tokens' } });
    const { body } = await create(admin, { name: 'ci', team: 'tokens', scopes: ['read'] });
    expect(body.token).toMatch(/^slt_/);
    expect(JSON.stringify((await server.call('GET', '/api/v1/tokens', { as: admin })).body)).not.toContain(body.token);
    expect((await server.call('GET', '/api/v1/session', { as: body.token })).body).toMatchObject({
      csrfToken: null,
      systemAdmin: false,
      memberships: [{ team: 'tokens' }],
    });
    const write = await server.call('POST', '/api/v1/pools', { as: body.token, body: { name: 'x', team: 'tokens' } });
    expect(write).toMatchObject({ status: 403, body: { error: { code: 'scope-missing' } } });
    expect((await create(body.token, { name: 'x', scopes: ['read'] })).body.error.code).toBe('session-needed');
    expect((await server.call('GET', '/api/v1/users', { as: body.token })).status).toBe(403);
    expect((await server.call('DELETE', `/api/v1/tokens/${body.info.id}`, { as: admin })).status).toBe(200);
    expect((await server.call('GET', '/api/v1/session', { as: body.token })).status).toBe(401);
  });

  it('A72 neither make persons nor hand out roles, which would outlive them', async () => {
    const { body } = await create(admin, { name: 'automation', scopes: ['read', 'write', 'gate:approve'] });
    const person = {
      email: 'successor@example.com',
      name: 'S',
      password,
      memberships: [{ team: 'tokens', role: 'release-manager' }],
    };
    expect(await server.call('POST', '/api/v1/users', { as: body.token, body: person })).toMatchObject({
      status: 403,
      body: { error: { code: 'session-needed' } },
    });
    const promoted = await server.call('PUT', `/api/v1/teams/tokens/members/${admin.userId}`, {
      as: body.token,
      body: { role: 'release-manager' },
    });
    expect(promoted).toMatchObject({ status: 403, body: { error: { code: 'session-needed' } } });
  });

  it('A47 refuses malformed, unknown and expired ones, even beside a good cookie', async () => {
    for (const token of ['', 'x', 'slt_', 'slt_unknown', `slt_${'a'.repeat(500)}`, 'slr_unknown']) {
      expect((await server.call('GET', '/api/v1/session', { as: token })).status, token).toBe(401);
      const beside = await server.call('GET', '/api/v1/session', {
        as: admin,
        headers: { authorization: `Bearer ${token}` },
      });
      expect(beside.status, token).toBe(401);
    }
    const { body } = await create(admin, { name: 'old', scopes: ['read'], expiresInDays: 1 });
    await server.database.db
      .updateTable('api_tokens')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .where('id', '=', body.info.id)
      .execute();
    expect((await server.call('GET', '/api/v1/session', { as: body.token })).status).toBe(401);
  });

  it("never has another person's token to revoke", async () => {
    const other = await server.person(admin, 'other@example.com');
    const { body } = await create(admin, { name: 'mine', scopes: ['read'] });
    expect((await server.call('DELETE', `/api/v1/tokens/${body.info.id}`, { as: other })).status).toBe(404);
  });

  it('end with their person', async () => {
    const gone = await server.person(admin, 'gone@example.com');
    const { body } = await create(gone, { name: 'x', scopes: ['read'] });
    await server.database.db.updateTable('users').set({ disabled: true }).where('id', '=', gone.userId).execute();
    expect((await server.call('GET', '/api/v1/session', { as: body.token })).status).toBe(401);
    expect((await server.call('GET', '/api/v1/session', { as: gone })).status).toBe(401);
  });
});

it('A73 refuses sign-in where the public address is plain http beyond loopback', async () => {
  const open = await testApp({ PUBLIC_URL: 'http://sluice.example.com' });
  try {
    const answer = await open.call('POST', '/api/v1/session', { body: { email, password } });
    expect(answer).toMatchObject({
      status: 403,
      body: { error: { code: 'https-needed', message: expect.stringContaining('PUBLIC_URL') } },
    });
  } finally {
    await open.close();
  }
});

it('I27 every one of these changes stands in an unbroken audit chain', async () => {
  const { db } = server.database;
  const actions = new Set(
    (await db.selectFrom('audit_entries').select('action').execute()).map(({ action }) => action),
  );
  for (const action of ['user.create', 'role.set', 'role.remove', 'token.create', 'token.revoke', 'team.create'])
    expect(actions).toContain(action);
  expect(await verifyChain(db, server.app.get(ChainHead))).toMatchObject({ kind: 'intact' });
  const middle = await db
    .selectFrom('audit_entries')
    .select('sequence')
    .orderBy('sequence')
    .offset(3)
    .executeTakeFirstOrThrow();
  await db
    .updateTable('audit_entries')
    .set({ action: 'nothing.happened' })
    .where('sequence', '=', middle.sequence)
    .execute();
  expect(await verifyChain(db, server.app.get(ChainHead))).toMatchObject({
    kind: 'broken',
    message: `Entry ${middle.sequence} was changed, or an entry before it was removed.`,
  });
});
