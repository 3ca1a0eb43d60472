import { createHmac } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { armFailpoints } from '../../platform/failpoints/failpoints.ts';
import {
  fixture,
  gitHeaders,
  githubHeaders,
  sign,
  webhooksApp,
  type TestHook,
  type WebhooksTestApp,
} from './testing/webhooks-app.ts';

const MAIN = '0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c';
let server: WebhooksTestApp;
let github: TestHook;

beforeAll(async () => {
  server = await webhooksApp();
});
afterAll(() => server.close());
beforeEach(async () => {
  github = await server.hook('github');
});

const deliveriesOf = (hook: TestHook) =>
  server.database.db.selectFrom('deliveries').selectAll().where('hook_id', '=', hook.id).orderBy('id').execute();
const messagesOf = async (hook: TestHook) => {
  const known = new Set((await deliveriesOf(hook)).map(({ id }) => id));
  const rows = await server.database.db
    .selectFrom('outbox')
    .select('payload')
    .where('topic', '=', 'plan-delivery')
    .execute();
  return rows.filter(({ payload }) => known.has((payload as { deliveryId: string }).deliveryId));
};
const expectNothing = async (hook: TestHook) => expect(await deliveriesOf(hook)).toEqual([]);

describe('POST /hooks/:hookId', () => {
  it('stores a GitHub push together with its message and says where to look', async () => {
    const hook = await server.hook('github', { service: 'catalog-one' });
    const body = fixture('github-push');
    const answer = await server.post(
      hook.id,
      body,
      githubHeaders(body, hook.secret, 'push', '72d3162e-cc78-11e3-81ab-4c9367dc0958'),
    );
    const [row] = await deliveriesOf(hook);
    const url = 'http://localhost:4000/services/catalog-one';
    expect(answer).toEqual({
      status: 202,
      body: { delivery: row?.id, message: `main is at 0d1a26e67d8f, planning its runs: ${url}`, url },
    });
    expect(row).toMatchObject({
      delivery_key: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
      event: 'push',
      ref: 'refs/heads/main',
      status: 'received',
      team_id: hook.teamId,
      repository_id: hook.repositoryId,
    });
    expect(row?.payload).toEqual({
      schemaVersion: 1,
      ref: 'refs/heads/main',
      before: '6f1ed002ab5595859014ebf0951522d9aa10b0c1',
      after: MAIN,
      pusher: 'jonas-w',
      commits: [
        { id: '5b3d7c1f2a9e8046b1c3d5e7f90812a4b6c8d0e2', message: 'Read prices in cents' },
        { id: MAIN, message: 'Round prices once' },
      ],
    });
    expect(await messagesOf(hook)).toHaveLength(1);
  });

  it('stores a push of a plain git host with the pusher it proved', async () => {
    const hook = await server.hook('git');
    const body = fixture('git-push');
    expect(await server.post(hook.id, body, gitHeaders(body, hook.secret))).toMatchObject({
      status: 202,
      body: { message: expect.stringContaining('no service is registered'), url: 'http://localhost:4000/board' },
    });
    expect((await deliveriesOf(hook))[0]?.payload).toMatchObject({
      ref: 'refs/heads/main',
      after: MAIN,
      pusher: 'jonas',
    });
    const anonymous = Buffer.from(
      JSON.stringify({ ...JSON.parse(body.toString()), ref: 'refs/heads/other', pusher: { name: 'anonymous' } }),
    );
    await server.post(hook.id, anonymous, gitHeaders(anonymous, hook.secret));
    expect((await deliveriesOf(hook))[1]?.payload).toMatchObject({ pusher: null });
  });

  it('A01: refuses a request without signature and keeps nothing', async () => {
    const body = fixture('github-push');
    const { 'x-hub-signature-256': _, ...headers } = githubHeaders(body, github.secret);
    expect(await server.post(github.id, body, headers)).toMatchObject({
      status: 401,
      body: {
        error: { code: 'bad-signature', message: expect.stringContaining('x-hub-signature-256') },
        message: expect.any(String),
      },
    });
    await expectNothing(github);
  });

  it.each([
    ['of another key', (body: Buffer) => sign(body, 'another')],
    ['too short', (body: Buffer, secret: string) => sign(body, secret).slice(0, -2)],
    ['too long', (body: Buffer, secret: string) => `${sign(body, secret)}00`],
    ['not hex', () => `sha256=${'z'.repeat(64)}`],
    ['all zero', () => `sha256=${'0'.repeat(64)}`],
    ['SHA-1', (body: Buffer, secret: string) => `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`],
    ['without scheme', (body: Buffer, secret: string) => sign(body, secret).slice(7)],
    ['empty', () => ''],
  ])('A02: refuses a signature that is %s', async (_name, make) => {
    const body = fixture('github-push');
    const headers = { ...githubHeaders(body, github.secret), 'x-hub-signature-256': make(body, github.secret) };
    expect((await server.post(github.id, body, headers)).status).toBe(401);
    await expectNothing(github);
  });

  it('A03: refuses a signature over the re-serialised JSON: the raw bytes count', async () => {
    const body = fixture('github-push');
    const reserialised = JSON.stringify(JSON.parse(body.toString()));
    expect(reserialised).not.toBe(body.toString());
    expect((await server.post(github.id, body, githubHeaders(reserialised, github.secret))).status).toBe(401);
    await expectNothing(github);
  });

  it('A04: accepts nothing when the secret is empty or cannot be opened, least of all a signature with an empty key', async () => {
    const body = fixture('github-push');
    const empty = await server.hook('github', { secret: '' });
    expect(await server.post(empty.id, body, githubHeaders(body, ''))).toMatchObject({
      status: 503,
      body: { error: { code: 'hook-without-secret' } },
    });
    await server.database.db
      .updateTable('hooks')
      .set({ secret_sealed: 'v1.other.a.b.c' })
      .where('id', '=', github.id)
      .execute();
    expect((await server.post(github.id, body, githubHeaders(body, github.secret))).status).toBe(503);
    await expectNothing(empty);
    await expectNothing(github);
  });

  it('A05, F51: answers the same delivery with 200 duplicate and plans it once', async () => {
    const body = fixture('github-push');
    const headers = githubHeaders(body, github.secret);
    const first = await server.post(github.id, body, headers);
    expect(await server.post(github.id, body, headers)).toMatchObject({
      status: 200,
      body: { duplicate: true, delivery: first.body.delivery },
    });
    expect(await deliveriesOf(github)).toHaveLength(1);
    expect(await messagesOf(github)).toHaveLength(1);
  });

  it('F51: keeps one of many that arrive at the same moment', async () => {
    const body = fixture('github-push');
    const headers = githubHeaders(body, github.secret);
    const answers = await Promise.all(Array.from({ length: 8 }, () => server.post(github.id, body, headers)));
    expect(answers.map(({ status }) => status).sort((one, other) => one - other)).toEqual([
      200, 200, 200, 200, 200, 200, 200, 202,
    ]);
    expect(new Set(answers.map(({ body: { delivery } }) => delivery)).size).toBe(1);
    expect(await messagesOf(github)).toHaveLength(1);
  });

  it('A06: knows a replay under a new delivery id by its content', async () => {
    const body = fixture('github-push');
    const first = await server.post(github.id, body, githubHeaders(body, github.secret));
    expect(await server.post(github.id, body, githubHeaders(body, github.secret))).toMatchObject({
      status: 200,
      body: { duplicate: true, delivery: first.body.delivery },
    });
    const { 'x-github-delivery': _, ...unnamed } = githubHeaders(body, github.secret);
    expect((await server.post(github.id, body, unnamed)).status).toBe(200);
    expect(await deliveriesOf(github)).toHaveLength(1);
  });

  it('plans a failed delivery again when the forge delivers it again', async () => {
    const body = fixture('github-push');
    const headers = githubHeaders(body, github.secret);
    const { body: first } = await server.post(github.id, body, headers);
    await server.database.db
      .updateTable('deliveries')
      .set({ status: 'failed', tries: 10 })
      .where('id', '=', first.delivery)
      .execute();
    expect(await server.post(github.id, body, headers)).toMatchObject({
      status: 202,
      body: { delivery: first.delivery },
    });
    expect(await deliveriesOf(github)).toMatchObject([{ status: 'received', tries: 0 }]);
    expect(await messagesOf(github)).toHaveLength(2);
  });

  it('A07: refuses the secret of another repository', async () => {
    const other = await server.hook('github', { secret: 'of the other' });
    const body = fixture('github-push');
    expect((await server.post(github.id, body, githubHeaders(body, other.secret))).status).toBe(401);
    await expectNothing(github);
    await expectNothing(other);
  });

  it('A07: refuses the headers of another kind of host', async () => {
    const body = fixture('git-push');
    expect((await server.post(github.id, body, gitHeaders(body, github.secret))).status).toBe(401);
  });

  it('A08: refuses more than 25 MB and compressed bodies before looking at them', async () => {
    const { port } = server.app.getHttpServer().address() as AddressInfo;
    const body = Buffer.alloc(25 * 1024 * 1024 + 1, 0x20);
    const large = await fetch(`http://127.0.0.1:${port}/hooks/${github.id}`, {
      method: 'POST',
      body,
      headers: githubHeaders(body, github.secret),
    });
    expect(large.status).toBe(413);
    const bomb = gzipSync(Buffer.alloc(1024 * 1024));
    expect(
      (await server.post(github.id, bomb, { ...githubHeaders(bomb, github.secret), 'content-encoding': 'gzip' }))
        .status,
    ).toBe(415);
    await expectNothing(github);
  });

  it.each([
    ['a subject that is cut in a character', { commits: [{ id: MAIN, message: `${'x'.repeat(199)}😀` }] }],
    ['a message with NUL and half a character', { commits: [{ id: MAIN, message: 'a\0b\ud83d' }] }],
    ['a sender with NUL', { sender: { login: 'a\0b' } }],
    ['a sender with half a character', { sender: { login: 'a\udfff' } }],
  ])('A09: stores a push with %s', async (_name, more) => {
    const body = Buffer.from(JSON.stringify({ ref: 'refs/heads/main', before: MAIN, after: MAIN, ...more }));
    expect((await server.post(github.id, body, githubHeaders(body, github.secret))).status).toBe(202);
    const { commits, pusher } = (await deliveriesOf(github))[0]!.payload as {
      commits: { message: string }[];
      pusher: string | null;
    };
    const kept = [...commits.map(({ message }) => message), pusher ?? ''].join();
    expect(kept.isWellFormed()).toBe(true);
    expect(kept).not.toContain('\0');
  });

  it('A08: keeps few of the 60,000 commits that fit into 25 MB', async () => {
    const commit = { id: MAIN, message: 'x'.repeat(300), author: { name: 'a', email: 'b' } };
    const body = Buffer.from(
      JSON.stringify({
        ref: 'refs/heads/main',
        before: MAIN,
        after: MAIN,
        commits: Array.from({ length: 60_000 }, () => commit),
      }),
    );
    expect((await server.post(github.id, body, githubHeaders(body, github.secret))).status).toBe(202);
    const payload = (await deliveriesOf(github))[0]!.payload as { commits: { message: string }[] };
    expect(payload.commits).toHaveLength(20);
    expect(JSON.stringify(payload).length).toBeLessThan(10_000);
  });

  it.each(['application/x-www-form-urlencoded', 'text/plain', 'application/jsonx', 'multipart/form-data; boundary=x'])(
    'A08: refuses %s with 415',
    async (type) => {
      const body = fixture('github-push');
      expect(
        await server.post(github.id, body, { ...githubHeaders(body, github.secret), 'content-type': type }),
      ).toMatchObject({ status: 415, body: { error: { message: expect.stringContaining('application/json') } } });
      await expectNothing(github);
    },
  );

  it.each([
    ['depth 10,000', `{"ref":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
    ['__proto__', '{"__proto__":{"x":1},"ref":"refs/heads/main"}'],
    ['a doubled key', `{"ref":"refs/heads/a","ref":"refs/heads/main","before":"${MAIN}","after":"${MAIN}"}`],
    ['a byte order mark', '\ufeff{}'],
    ['NaN', '{"ref":NaN}'],
    ['nothing', ''],
    ['a list', '[]'],
    ['a short id', `{"ref":"refs/heads/main","before":"${MAIN}","after":"${MAIN.slice(1)}"}`],
    ['a ref as id', `{"ref":"refs/heads/main","before":"${MAIN}","after":"refs/heads/main"}`],
  ])('A09, A18: refuses %s with 400 and one sentence', async (_name, text) => {
    const body = Buffer.from(text);
    const answer = await server.post(github.id, body, githubHeaders(body, github.secret));
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { code: 'bad-payload', message: expect.stringMatching(/^[A-Z].*\.$/) } },
    });
    expect(({} as { x?: unknown }).x).toBeUndefined();
    await expectNothing(github);
  });

  it('A09: looks at no body before the signature holds', async () => {
    expect((await server.post(github.id, '{"__proto__":', githubHeaders('other', github.secret))).status).toBe(401);
  });

  it.each([
    ['check_run', 'github-pull-request'],
    ['create', 'github-push-tag'],
    ['workflow_run', 'github-ping'],
  ])('A10: ignores %s of %s with 202', async (event, name) => {
    const body = fixture(name);
    expect(await server.post(github.id, body, githubHeaders(body, github.secret, event))).toMatchObject({
      status: 202,
      body: { ignored: true, message: expect.stringMatching(/\.$/) },
    });
    await expectNothing(github);
  });

  it('stores the end of a branch', async () => {
    const body = fixture('github-branch-delete');
    expect(await server.post(github.id, body, githubHeaders(body, github.secret))).toMatchObject({
      status: 202,
      body: { message: expect.stringContaining('price-cents was deleted') },
    });
    expect(await deliveriesOf(github)).toMatchObject([{ ref: 'refs/heads/price-cents', payload: { after: null } }]);
  });

  it('A13: answers a ping before any service exists', async () => {
    const body = fixture('github-ping');
    expect(await server.post(github.id, body, githubHeaders(body, github.secret, 'ping'))).toMatchObject({
      status: 200,
      body: { message: 'Sluice is listening.' },
    });
    await expectNothing(github);
  });

  it('A14: keeps no address of the payload', async () => {
    const evil = {
      ...JSON.parse(fixture('github-push').toString()),
      repository: {
        clone_url: 'http://169.254.169.254/latest',
        url: 'http://127.0.0.1:6379/',
        ssh_url: 'ext::sh -c id',
      },
    };
    const body = Buffer.from(JSON.stringify(evil));
    expect((await server.post(github.id, body, githubHeaders(body, github.secret))).status).toBe(202);
    const [row] = await deliveriesOf(github);
    expect(JSON.stringify(row)).not.toMatch(/169\.254|127\.0\.0\.1|ext::|https?:/);
  });

  it.each([
    ['refs/heads/-h', 202, true],
    ['refs/heads/--output=x', 202, true],
    ['refs/heads/a b', 202, true],
    ['refs/heads/../x', 202, true],
    ['refs/heads/a\nb', 202, true],
    ['refs/heads/a\ud800', 202, true],
    ['main', 202, true],
    ['refs/heads/;rm${IFS}-rf', 202, false],
    ['refs/heads/$(id)`id`', 202, false],
    ['refs/heads/\u202egnp.\u200bsh', 202, false],
  ])('A27: takes the branch %j as data or leaves it', async (ref, status, ignored) => {
    const body = Buffer.from(
      JSON.stringify({ ref, before: '0'.repeat(40), after: MAIN, sender: { login: 'jonas-w' } }),
    );
    const answer = await server.post(github.id, body, githubHeaders(body, github.secret));
    expect(answer.status).toBe(status);
    expect(answer.body.ignored === true).toBe(ignored);
    expect((await deliveriesOf(github)).map((row) => row.ref)).toEqual(ignored ? [] : [ref]);
  });

  it('A27: leaves a branch with a name of 4 KB', async () => {
    const body = Buffer.from(JSON.stringify({ ref: `refs/heads/${'a'.repeat(4096)}`, before: MAIN, after: MAIN }));
    expect(await server.post(github.id, body, githubHeaders(body, github.secret))).toMatchObject({
      status: 202,
      body: { ignored: true },
    });
    await expectNothing(github);
  });

  it.each(['0198b3c2-6a5e-7c11-9a00-3f1d2c4b5a69', 'x', "'; drop table hooks; --"])(
    'answers 404 for the unknown hook %s',
    async (id) => {
      const body = fixture('github-push');
      expect(await server.post(encodeURIComponent(id), body, githubHeaders(body, 'x'))).toMatchObject({
        status: 404,
        body: { error: { code: 'not-found' } },
      });
    },
  );

  it('holds back a sender that sends too much', async () => {
    const body = fixture('github-ping');
    const hook = await server.hook('github');
    const headers = githubHeaders(body, hook.secret, 'ping');
    let answer = await server.post(hook.id, body, headers);
    for (let sent = 0; sent < 3000 && answer.status === 200; sent += 50)
      [answer] = (await Promise.all(Array.from({ length: 50 }, () => server.post(hook.id, body, headers)))).sort(
        (left, right) => right.status - left.status,
      ) as [typeof answer];
    expect(answer).toMatchObject({
      status: 429,
      body: { error: { code: 'too-many-requests' }, retryAfterSeconds: expect.any(Number) },
    });
    expect((await server.post(github.id, body, githubHeaders(body, github.secret, 'ping'))).status).toBe(200);
  });

  it('F02: says nothing of success, and keeps nothing, when it fails before the commit; the next try is a first one', async () => {
    const body = fixture('github-push');
    const headers = githubHeaders(body, github.secret);
    armFailpoints('webhook:before-commit=throw', 'test');
    expect((await server.post(github.id, body, headers)).status).toBe(500);
    armFailpoints(undefined, 'test');
    await expectNothing(github);
    expect((await server.post(github.id, body, headers)).status).toBe(202);
    expect(await messagesOf(github)).toHaveLength(1);
  });

  it('F01: the delivery and its message are there before the answer is', async () => {
    const body = fixture('github-push');
    const headers = githubHeaders(body, github.secret);
    armFailpoints('webhook:after-commit=throw', 'test');
    expect((await server.post(github.id, body, headers)).status).toBe(500);
    armFailpoints(undefined, 'test');
    expect(await messagesOf(github)).toHaveLength(1);
    expect((await server.post(github.id, body, headers)).body).toMatchObject({ duplicate: true });
  });
});
