import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testApp, type TestApp, type TestPerson } from '../../testing/test-app.ts';
import { ChainHead, verifyChain } from '../audit/index.ts';

let server: TestApp;
let admin: TestPerson;
const OLD = 'correct horse battery';
const NEW = 'a quite different one';

beforeAll(async () => {
  server = await testApp();
  admin = await server.setUp();
});
afterAll(() => server.close());

const signIn = async (email: string, password: string) =>
  server.call('POST', '/api/v1/session', { body: { email, password }, headers: { 'user-agent': 'Browser/1' } });
const signedIn = async (email: string, password = OLD): Promise<TestPerson> => {
  const answer = await signIn(email, password);
  if (answer.status !== 200) throw new Error(answer.text);
  return {
    cookie: String(answer.headers['set-cookie']).split(';')[0]!,
    csrf: answer.body.csrfToken,
    userId: answer.body.userId,
  };
};
const alive = async (as: TestPerson | string) => (await server.call('GET', '/api/v1/session', { as })).status;
const change = async (as: TestPerson | string, currentPassword: string, newPassword = NEW) =>
  server.call('POST', '/api/v1/me/password', { as, body: { currentPassword, newPassword } });
const token = async (as: TestPerson): Promise<string> =>
  (await server.call('POST', '/api/v1/tokens', { as, body: { name: 'ci', scopes: ['read', 'write'] } })).body.token;
const disable = async (as: TestPerson | string, userId: string, disabled = true) =>
  server.call('PUT', `/api/v1/users/${userId}/disabled`, { as, body: { disabled } });
const resetLink = async (userId: string) => server.call('POST', `/api/v1/users/${userId}/reset-link`, { as: admin });
const tokenOf = (path: string) => new URLSearchParams(path.split('#')[1]).get('token');
const reset = async (secret: string | null, newPassword = NEW) =>
  server.call('POST', '/api/v1/password-reset', { body: { token: secret, newPassword } });

describe('own password', () => {
  it('needs the current one, ends the other sessions and keeps this one', async () => {
    const person = await server.person(admin, 'change@example.com');
    const other = await signedIn('change@example.com');
    expect(await change(person, 'wrong')).toMatchObject({ status: 403, body: { error: { code: 'wrong-password' } } });
    expect(await change(person, OLD, OLD)).toMatchObject({ status: 422, body: { error: { code: 'same-password' } } });
    expect((await change(person, OLD, 'short')).status).toBe(400);
    expect(await alive(other)).toBe(200);
    expect((await change(person, OLD)).status).toBe(200);
    expect([await alive(person), await alive(other)]).toEqual([200, 401]);
    expect((await signIn('change@example.com', OLD)).status).toBe(401);
    expect((await signIn('change@example.com', NEW)).status).toBe(200);
  });

  it('A77 can be guessed ten times, also when all are sent at once', async () => {
    const person = await server.person(admin, 'guessed@example.com');
    const answers = await Promise.all(Array.from({ length: 14 }, () => change(person, 'wrong password')));
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(4);
    expect((await change(person, OLD)).status).toBe(429);
  });

  it('two changes at once: one holds, the other is told', async () => {
    const person = await server.person(admin, 'twice@example.com');
    const answers = await Promise.all([change(person, OLD, `${NEW} 1`), change(person, OLD, `${NEW} 2`)]);
    expect(answers.map(({ status }) => status).sort((one, two) => one - two)).toEqual([200, 409]);
  });

  it('A72 no API token may change it, list or end sessions', async () => {
    const person = await server.person(admin, 'token@example.com');
    const secret = await token(person);
    for (const [method, path, body] of [
      ['POST', '/me/password', { currentPassword: OLD, newPassword: NEW }],
      ['GET', '/me/sessions', undefined],
      ['DELETE', '/me/sessions', undefined],
      ['DELETE', `/me/sessions/${person.userId}`, undefined],
      ['PUT', `/users/${person.userId}/disabled`, { disabled: true }],
      ['POST', `/users/${person.userId}/reset-link`, undefined],
    ] as const) {
      expect(await server.call(method, `/api/v1${path}`, { as: secret, body }), path).toMatchObject({
        status: 403,
        body: { error: { code: 'session-needed' } },
      });
    }
  });
});

describe('own sessions', () => {
  it('are listed with place and time, and end one by one or all others at once', async () => {
    const person = await server.person(admin, 'sessions@example.com');
    const [second, third] = [await signedIn('sessions@example.com'), await signedIn('sessions@example.com')];
    const list = async () => (await server.call('GET', '/api/v1/me/sessions', { as: second })).body;
    const sessions = await list();
    expect(sessions).toHaveLength(3);
    expect(sessions.filter(({ current }: { current: boolean }) => current)).toMatchObject([
      { agent: 'Browser/1', address: '127.0.0.1', lastUsedAt: expect.any(String) },
    ]);
    expect(JSON.stringify(sessions)).not.toMatch(/sls_|hash|csrf/);
    const one = sessions.find(({ current }: { current: boolean }) => !current).id;
    expect((await server.call('DELETE', `/api/v1/me/sessions/${one}`, { as: second })).status).toBe(200);
    expect((await server.call('DELETE', `/api/v1/me/sessions/${one}`, { as: second })).status).toBe(404);
    expect(await list()).toHaveLength(2);
    const all = await server.call('DELETE', '/api/v1/me/sessions', { as: second });
    expect(all).toMatchObject({ status: 200, body: { ended: 1 } });
    expect([await alive(person), await alive(third)]).toEqual([401, 401]);
    expect(await alive(second)).toBe(200);
  });

  it("A49 another person's session is not there", async () => {
    const [mine, yours] = [
      await server.person(admin, 'mine@example.com'),
      await server.person(admin, 'yours@example.com'),
    ];
    const [session] = (await server.call('GET', '/api/v1/me/sessions', { as: yours })).body;
    expect((await server.call('DELETE', `/api/v1/me/sessions/${session.id}`, { as: mine })).status).toBe(404);
    expect(await alive(yours)).toBe(200);
  });
});

describe('a disabled person', () => {
  it('is out at once, and nothing of before comes back', async () => {
    const person = await server.person(admin, 'out@example.com');
    const secret = await token(person);
    const { path } = (await resetLink(person.userId)).body;
    expect(await disable(admin, person.userId)).toMatchObject({
      status: 200,
      body: { user: { disabled: true, email: 'out@example.com' }, openApprovals: 0 },
    });
    expect([await alive(person), await alive(secret)]).toEqual([401, 401]);
    const [refused, unknown] = [await signIn('out@example.com', OLD), await signIn('nobody@example.com', OLD)];
    expect(refused.status).toBe(401);
    expect(refused.body.error.message).toBe(unknown.body.error.message);
    expect((await reset(tokenOf(path))).status).toBe(404);
    expect(await resetLink(person.userId)).toMatchObject({ status: 409, body: { error: { code: 'person-disabled' } } });
    expect((await disable(admin, person.userId, false)).body.user.disabled).toBe(false);
    expect([await alive(person), await alive(secret)]).toEqual([401, 401]);
    expect((await reset(tokenOf(path))).status).toBe(404);
    expect((await signIn('out@example.com', OLD)).status).toBe(200);
  });

  it('cannot slip in or leave a token behind at the same moment', async () => {
    for (let round = 0; round < 3; round += 1) {
      const email = `race${round}@example.com`;
      const person = await server.person(admin, email);
      const [entered, made] = await Promise.all([signIn(email, OLD), token(person), disable(admin, person.userId)]);
      await disable(admin, person.userId, false);
      const cookie = String(entered.headers['set-cookie'] ?? '').split(';')[0]!;
      expect(await alive({ ...person, cookie })).toBe(401);
      expect(await alive(made ?? 'slt_none')).toBe(401);
    }
  });

  it('is never oneself, and of two admins who disable each other one stays', async () => {
    expect(await disable(admin, admin.userId)).toMatchObject({ status: 409, body: { error: { code: 'yourself' } } });
    const second = await server.person(admin, 'second@example.com');
    await sql`update users set system_admin = true where id = ${second.userId}`.execute(server.database.db);
    const answers = await Promise.all([disable(admin, second.userId), disable(second, admin.userId)]);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const { rows } = await sql<{ count: number }>`
      select count(*) as count from users where system_admin and not disabled`.execute(server.database.db);
    expect(rows[0]!.count).toBe(1);
    await sql`update users set disabled = (id <> ${admin.userId})
      where id in (${admin.userId}, ${second.userId})`.execute(server.database.db);
    if ((await alive(admin)) === 401) admin = await signedIn('ada@example.com');
  });

  it('A49 is made by system admins alone; for others the person is not there', async () => {
    const person = await server.person(admin, 'small@example.com');
    expect((await disable(person, admin.userId)).status).toBe(404);
    const link = await server.call('POST', `/api/v1/users/${admin.userId}/reset-link`, { as: person });
    expect(link.status).toBe(404);
    expect((await disable(admin, '00000000-0000-4000-8000-000000000000')).status).toBe(404);
  });
});

describe('a lost password', () => {
  it('is set anew by a link that works once, and ends every session', async () => {
    const person = await server.person(admin, 'lost@example.com');
    const older = await resetLink(person.userId);
    const { path, expiresAt } = (await resetLink(person.userId)).body;
    expect(path).toMatch(/^\/reset#token=slp_[\w-]{43}$/);
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now() + 23 * 3_600_000);
    expect((await reset(tokenOf(older.body.path))).status).toBe(404);
    expect((await reset(tokenOf(path), 'short')).status).toBe(400);
    const raced = await Promise.all([reset(tokenOf(path)), reset(tokenOf(path)), reset(tokenOf(path))]);
    expect(raced.map(({ status }) => status).sort((one, two) => one - two)).toEqual([200, 404, 404]);
    expect(await alive(person)).toBe(401);
    expect((await signIn('lost@example.com', NEW)).status).toBe(200);
    const { rows } = await sql<{ text: string }>`select t::text as text from password_resets t`.execute(
      server.database.db,
    );
    expect(JSON.stringify(rows)).not.toContain('slp_');
  });

  it('is not set by a link that is too old, empty, or of another kind', async () => {
    const person = await server.person(admin, 'late@example.com');
    const { path } = (await resetLink(person.userId)).body;
    await sql`update password_resets set expires_at = now() - interval '1 second'`.execute(server.database.db);
    for (const guess of [tokenOf(path), '', 'slp_', await token(person)]) expect((await reset(guess)).status).toBe(404);
    expect((await signIn('late@example.com', OLD)).status).toBe(200);
  });

  it('a link ends when the person changes the password by themselves', async () => {
    const person = await server.person(admin, 'found@example.com');
    const { path } = (await resetLink(person.userId)).body;
    expect((await change(person, OLD)).status).toBe(200);
    expect((await reset(tokenOf(path), 'of somebody who found the link')).status).toBe(404);
  });
});

it('I27 all of it stands in the installation’s audit, which system admins alone read', async () => {
  const stranger = await server.person(admin, 'stranger@example.com');
  expect((await server.call('GET', '/api/v1/audit', { as: stranger })).status).toBe(403);
  expect((await server.call('GET', '/api/v1/audit/chain', { as: stranger })).status).toBe(403);
  const actions = new Set<string>();
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: { items: { action: string; team: null }[]; next: string | null } = (
      await server.call('GET', `/api/v1/audit?limit=20${cursor === '' ? '' : `&cursor=${cursor}`}`, { as: admin })
    ).body;
    for (const { action, team } of page.items) {
      actions.add(action);
      expect(team).toBeNull();
    }
    cursor = page.next;
  }
  expect([...actions]).toEqual(
    expect.arrayContaining([
      'audit.seal',
      'user.create',
      'user.disable',
      'user.enable',
      'session.start',
      'session.end',
      'session.end-others',
      'password.change',
      'password.reset-link',
      'password.reset',
    ]),
  );
  const { rows } = await sql<{ text: string }>`select detail::text as text from audit_entries`.execute(
    server.database.db,
  );
  expect(JSON.stringify(rows)).not.toMatch(/slp_|sls_|slt_|correct horse|quite different/);
  expect((await server.call('GET', '/api/v1/audit/chain', { as: admin })).body).toMatchObject({ kind: 'intact' });
  expect(await verifyChain(server.database.db, server.app.get(ChainHead))).toMatchObject({ kind: 'intact' });
});
