import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testApp, type TestApp, type TestPerson } from '../../testing/test-app.ts';

const ORIGIN = 'http://127.0.0.1:4010';
const EC_KEY = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
const SHORT_KEY = pem(generateKeyPairSync('rsa', { modulusLength: 1_024 }));
const RSA_PAIR = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const APP = { id: '12345', privateKey: pem(RSA_PAIR) };
const PUBLIC_KEY = RSA_PAIR.publicKey.export({ type: 'spki', format: 'pem' }).toString();
let server: TestApp;
let admin: TestPerson;
let developer: TestPerson;
let withCredential: string;
let without: string;

beforeAll(async () => {
  server = await testApp({ SLUICE_GIT_ALLOW_ORIGINS: ORIGIN });
  admin = await server.setUp();
  await server.call('POST', '/api/v1/teams', { as: admin, body: { slug: 'shop', title: 'Shop' } });
  developer = await server.person(admin, 'dev@example.com', [{ team: 'shop', role: 'developer' }]);
  const connect = async (body: object) =>
    (await server.call('POST', '/api/v1/teams/shop/repositories', { as: admin, body })).body.repository.id as string;
  withCredential = await connect({
    url: `${ORIGIN}/shop/catalog.git`,
    kind: 'github',
    credential: { username: 'bot', password: 'hunter2-long' },
  });
  without = await connect({ url: `${ORIGIN}/catalog.git`, kind: 'git' });
});
afterAll(() => server.close());

function pem({ privateKey }: ReturnType<typeof generateKeyPairSync>): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

const set = (id: string, statuses: object | null, as = admin) =>
  server.call('PUT', `/api/v1/teams/shop/repositories/${id}/statuses`, { as, body: { statuses } });
const shown = async (id: string) =>
  (
    (await server.call('GET', '/api/v1/teams/shop/repositories', { as: developer })).body as {
      id: string;
      statuses?: object;
    }[]
  ).find((one) => one.id === id)?.statuses;

describe('statuses of a repository', () => {
  it('follow from its kind, address and credential, and are on record; a token never comes back', async () => {
    expect(await set(withCredential, {})).toMatchObject({ status: 200 });
    expect(await shown(withCredential)).toEqual({
      forge: 'github',
      apiUrl: `${ORIGIN}/api/v3`,
      repository: 'shop/catalog',
      ownToken: false,
      last: null,
    });
    const token = 'forge-token-of-its-own';
    const own = { forge: 'gitlab', apiUrl: `${ORIGIN}/gitlab/api/v4/`, repository: 'group/sub/catalog', token };
    expect((await set(without, own)).status).toBe(200);
    expect(await shown(without)).toMatchObject({ forge: 'gitlab', apiUrl: `${ORIGIN}/gitlab/api/v4`, ownToken: true });
    const row = await server.database.db
      .selectFrom('repositories')
      .selectAll()
      .where('id', '=', without)
      .executeTakeFirst();
    expect(JSON.stringify(row)).not.toContain(token);
    const entries = await server.database.db
      .selectFrom('audit_entries')
      .selectAll()
      .where('action', '=', 'repository.statuses')
      .execute();
    expect(entries).toHaveLength(2);
    expect(JSON.stringify(entries)).not.toContain(token);
    expect((await set(without, null)).status).toBe(200);
    expect(await shown(without)).toBeUndefined();
  });

  it('A70: are checks where an App is given; its key is sealed and never comes back, not even in a refusal', async () => {
    const ofGithub = { forge: 'github', repository: 'shop/catalog', apiUrl: `${ORIGIN}/api/v3` };
    for (const [app, seen] of [
      [APP, { id: APP.id, installationId: null }],
      [
        { ...APP, id: 'Iv23liAbc', installationId: 77 },
        { id: 'Iv23liAbc', installationId: 77 },
      ],
    ] as const) {
      const answer = await set(without, { ...ofGithub, app });
      expect(answer.status, answer.text).toBe(200);
      expect(await shown(without)).toMatchObject({ forge: 'github', ownToken: false, app: seen });
    }
    const kept = await server.database.db
      .selectFrom('repositories')
      .select('statuses_token_sealed')
      .where('id', '=', without)
      .executeTakeFirst();
    expect(kept?.statuses_token_sealed).toMatch(/^v1\./);
    const body = APP.privateKey.split('\n')[1]!;
    const wrong = await set(without, { ...ofGithub, token: 'x', app: APP });
    expect(wrong.text).not.toContain(body);
    const everything = await Promise.all(
      (['repositories', 'audit_entries', 'commit_statuses'] as const).map((table) =>
        server.database.db.selectFrom(table).selectAll().execute(),
      ),
    );
    expect(JSON.stringify(everything)).not.toContain(body);
    expect(await set(without, { ...ofGithub, token: 'x' })).toMatchObject({ status: 200 });
    expect(await shown(without)).not.toHaveProperty('app');
    await set(without, null);
  });

  it.each<[string, object, RegExp]>([
    ['an App is given for another forge', { forge: 'gitea', repository: 'a/b', app: APP }, /^app: checks are GitHub's/],
    ['an App and a token are given', { forge: 'github', repository: 'a/b', token: 'x', app: APP }, /^app: give either/],
    [
      'the key of an App is none',
      { forge: 'github', repository: 'a/b', app: { ...APP, privateKey: 'hunter2' } },
      /^app.privateKey: it cannot be read .*BEGIN to END/,
    ],
    [
      'the key of an App is its public half',
      { forge: 'github', repository: 'a/b', app: { ...APP, privateKey: PUBLIC_KEY } },
      /^app.privateKey: it cannot be read/,
    ],
    [
      'the key of an App is of another kind',
      { forge: 'github', repository: 'a/b', app: { ...APP, privateKey: EC_KEY } },
      /^app.privateKey: it is a key of the kind ec, not RSA/,
    ],
    [
      'the key of an App is too short',
      { forge: 'github', repository: 'a/b', app: { ...APP, privateKey: SHORT_KEY } },
      /^app.privateKey: it has 1024 bits/,
    ],
    ['the forge is not known', {}, /^forge: write github/],
    ['the path is not the forge’s', { forge: 'github', token: 'x' }, /^repository: "catalog" .*owner\/name/],
    ['there is no token', { forge: 'gitea', repository: 'a/b' }, /^token: the repository has no credential/],
    ['a header could not hold the token', { forge: 'gitea', repository: 'a/b', token: 'a b' }, /^token: it may hold/],
    [
      'Bitbucket is not in the cloud',
      { forge: 'bitbucket', repository: 'a/b', token: 'x' },
      /^apiUrl: it does not follow/,
    ],
    [
      'A22: the host is private',
      { forge: 'gitea', repository: 'a/b', token: 'x', apiUrl: 'https://10.0.0.7/api/v1' },
      /^apiUrl: The host is not on the public/,
    ],
    [
      'A22: the host is this machine',
      { forge: 'gitea', repository: 'a/b', token: 'x', apiUrl: 'https://0x7f.1/api/v1' },
      /^apiUrl: The host is not on the public/,
    ],
    [
      'A22: it is metadata',
      { forge: 'gitea', repository: 'a/b', token: 'x', apiUrl: 'http://169.254.169.254/' },
      /^apiUrl: Plain http/,
    ],
    [
      'A25: the address holds a password',
      { forge: 'gitea', repository: 'a/b', token: 'x', apiUrl: 'https://u:hunter2@example.com/' },
      /^apiUrl: .*password/,
    ],
    [
      'A21: it is a file',
      { forge: 'gitea', repository: 'a/b', token: 'x', apiUrl: 'file:///etc' },
      /^apiUrl: .*must be like/,
    ],
    ['A27: the path climbs', { forge: 'gitea', repository: '../../x', token: 'x' }, /^repository: /],
  ])('are refused where %s', async (_what, statuses, message) => {
    const answer = await set(without, statuses);
    expect(answer.status).toBe(422);
    expect(answer.body.error.message).toMatch(message);
    expect(answer.text).not.toContain('hunter2');
  });

  it('never send the credential to an address that somebody wrote', async () => {
    const answer = await set(withCredential, { apiUrl: `${ORIGIN}/elsewhere` });
    expect(answer).toMatchObject({ status: 422, body: { error: { code: 'token-needed' } } });
  });

  it('belong to admins', async () => {
    expect((await set(withCredential, {}, developer)).status).toBe(403);
  });
});
