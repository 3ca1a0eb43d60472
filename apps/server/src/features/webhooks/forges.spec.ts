import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RepositoryKind } from '@sluice/protocol';
import {
  bitbucketHeaders,
  fixture,
  giteaHeaders,
  githubHeaders,
  gitlabHeaders,
  webhooksApp,
  type TestHook,
  type WebhooksTestApp,
} from './testing/webhooks-app.ts';

const BEFORE = '6f1ed002ab5595859014ebf0951522d9aa10b0c1';
const MAIN = '0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c';
const HEAD = '5b3d7c1f2a9e8046b1c3d5e7f90812a4b6c8d0e2';
const TAG = '9c0f2b7a5d1e4836a7b8c9d0e1f2031425364758';

type Forge = Exclude<RepositoryKind, 'git'>;
type Headers = (body: Buffer, secret: string, event?: string, delivery?: string) => Record<string, string>;

const HEADERS: Record<Forge, Headers> = {
  github: githubHeaders,
  gitlab: (_, secret, event, delivery) => gitlabHeaders(secret, event, delivery),
  gitea: giteaHeaders,
  bitbucket: bitbucketHeaders,
};
/** What each forge calls its events, and the fixture that has the shape of its documentation. */
const EVENTS = {
  github: { push: 'push', tag: 'push', pull: 'pull_request', other: 'issues' },
  gitlab: { push: 'Push Hook', tag: 'Tag Push Hook', pull: 'Merge Request Hook', other: 'Issue Hook' },
  gitea: { push: 'push', tag: 'push', pull: 'pull_request', other: 'create' },
  bitbucket: { push: 'repo:push', tag: 'repo:push', pull: 'pullrequest:updated', other: 'repo:commit_comment_created' },
} as const satisfies Record<Forge, Record<string, string>>;
const PULL_FIXTURE: Record<Forge, string> = {
  github: 'github-pull-request',
  gitlab: 'gitlab-merge-request',
  gitea: 'gitea-pull-request',
  bitbucket: 'bitbucket-pull-request',
};
const FORGES = Object.keys(HEADERS) as Forge[];

let server: WebhooksTestApp;
beforeAll(async () => {
  server = await webhooksApp();
});
afterAll(() => server.close());

const deliveriesOf = (hook: TestHook) =>
  server.database.db.selectFrom('deliveries').selectAll().where('hook_id', '=', hook.id).orderBy('ref').execute();

/** The fixture with other values at some of its places, such as `pull_request.head.repo`. */
function changed(name: string, changes: Readonly<Record<string, unknown>>): Buffer {
  const payload = JSON.parse(fixture(name).toString()) as Part;
  for (const [path, value] of Object.entries(changes)) {
    const keys = path.split('.');
    const last = keys.pop()!;
    keys.reduce((part, key) => part[key] as Part, payload)[last] = value;
  }
  return Buffer.from(JSON.stringify(payload));
}
type Part = Record<string, unknown>;

describe.each(FORGES)('webhooks of %s', (forge) => {
  const events = EVENTS[forge];
  const send = (hook: TestHook, body: Buffer, event: string, delivery?: string) =>
    server.post(hook.id, body, HEADERS[forge](body, hook.secret, event, delivery));

  it('keeps a push by its ref, its commits and the account that pushed', async () => {
    const hook = await server.hook(forge);
    const answer = await send(hook, fixture(`${forge}-push`), events.push);
    expect(answer).toMatchObject({
      status: 202,
      body: { message: expect.stringContaining('main is at 0d1a26e67d8f') },
    });
    const [row] = await deliveriesOf(hook);
    expect(row).toMatchObject({ event: 'push', ref: 'refs/heads/main', status: 'received' });
    expect(row?.payload).toEqual({
      schemaVersion: 1,
      ref: 'refs/heads/main',
      before: BEFORE,
      after: MAIN,
      pusher: 'jonas-w',
      commits: [
        { id: HEAD, message: 'Read prices in cents' },
        { id: MAIN, message: 'Round prices once' },
      ],
    });
  });

  it('keeps the push of a tag', async () => {
    const hook = await server.hook(forge);
    const [name, after] =
      forge === 'github'
        ? ['github-push-tag', MAIN]
        : forge === 'gitlab'
          ? ['gitlab-tag-push', TAG]
          : forge === 'gitea'
            ? ['gitea-push-tag', TAG]
            : ['bitbucket-push', MAIN];
    expect((await send(hook, fixture(name), events.tag)).status).toBe(202);
    expect((await deliveriesOf(hook)).at(-1)?.payload).toMatchObject({
      ref: 'refs/tags/v1.4.0',
      before: null,
      after,
      pusher: 'jonas-w',
    });
  });

  it('A14 A15: keeps a pull request by its head and by the account behind the event, never by an author or an address', async () => {
    const hook = await server.hook(forge);
    const answer = await send(hook, fixture(PULL_FIXTURE[forge]), events.pull);
    expect(answer).toMatchObject({ status: 202, body: { message: expect.stringContaining('pull request 17 is at') } });
    const [row] = await deliveriesOf(hook);
    const ref = { gitlab: 'refs/merge-requests/17/head', bitbucket: 'refs/heads/price-cents' }[forge as string];
    expect(row).toMatchObject({ event: 'pull_request', ref: ref ?? 'refs/pull/17/head' });
    expect(row?.payload).toEqual({
      schemaVersion: 1,
      kind: 'pull_request',
      ref: ref ?? 'refs/pull/17/head',
      number: 17,
      closed: false,
      head: forge === 'bitbucket' ? HEAD.slice(0, 12) : HEAD,
      source: 'price-cents',
      target: 'main',
      outside: forge === 'gitlab' || forge === 'gitea',
      title: 'Read prices in cents',
      by: {
        id: { github: '51000007', bitbucket: '{5a8f1c9e-43b0-4f0f-8a31-0b1f2d3c4e42}' }[forge as string] ?? '42',
        login: 'mira-feld',
      },
    });
  });

  it('A10: takes what it does not know and starts nothing', async () => {
    const hook = await server.hook(forge);
    expect(await send(hook, fixture(`${forge}-push`), events.other)).toMatchObject({
      status: 202,
      body: { ignored: true, message: expect.stringContaining(events.other) },
    });
    expect(await deliveriesOf(hook)).toEqual([]);
  });

  it('F51 A05: keeps a delivery that is repeated under its id once', async () => {
    const hook = await server.hook(forge);
    const body = fixture(`${forge}-push`);
    const once = await send(hook, body, events.push, 'the-same');
    const count = (await deliveriesOf(hook)).length;
    const again = await send(hook, body, events.push, 'the-same');
    expect(again).toMatchObject({ status: 200, body: { duplicate: true, delivery: once.body.delivery } });
    expect(await deliveriesOf(hook)).toHaveLength(count);
  });

  it('A06: knows the same content under another id', async () => {
    const hook = await server.hook(forge);
    for (const [name, event] of [
      [`${forge}-push`, events.push],
      [PULL_FIXTURE[forge], events.pull],
    ] as const) {
      await send(hook, fixture(name), event, `first ${event}`.replace(/\W/g, '-'));
      const count = (await deliveriesOf(hook)).length;
      expect(await send(hook, fixture(name), event, `other ${event}`.replace(/\W/g, '-'))).toMatchObject({
        status: 200,
        body: { duplicate: true },
      });
      expect(await deliveriesOf(hook)).toHaveLength(count);
    }
  });

  it('A01 A02 A11: refuses what another secret vouches for, and what nothing does', async () => {
    const hook = await server.hook(forge);
    const body = fixture(`${forge}-push`);
    expect((await server.post(hook.id, body, HEADERS[forge](body, 'another', events.push))).status).toBe(401);
    const proofs = ['x-gitlab-token', 'x-hub-signature', 'x-hub-signature-256', 'x-gitea-signature'];
    const bare = Object.entries(HEADERS[forge](body, hook.secret, events.push)).filter(
      ([name]) => !proofs.includes(name),
    );
    expect((await server.post(hook.id, body, Object.fromEntries(bare))).status).toBe(401);
    expect(await deliveriesOf(hook)).toEqual([]);
  });

  it('A07: refuses the words of another forge, however well they are signed', async () => {
    const hook = await server.hook(forge);
    const body = fixture('git-push');
    const other = forge === 'gitea' ? bitbucketHeaders(body, hook.secret) : giteaHeaders(body, hook.secret);
    const { 'x-hub-signature-256': _, ...headers } = other;
    expect((await server.post(hook.id, body, headers)).status).toBe(401);
  });

  it('says where a payload has another shape', async () => {
    const hook = await server.hook(forge);
    const body = Buffer.from('{}');
    expect(await send(hook, body, events.push)).toMatchObject({
      status: 400,
      body: { error: { code: 'bad-payload' } },
    });
  });
});

describe('what only some forges do', () => {
  it('A11: a token of another length, a prefix and an empty one are refused by GitLab hooks', async () => {
    const hook = await server.hook('gitlab');
    const body = fixture('gitlab-push');
    for (const token of ['', hook.secret.slice(0, -1), `${hook.secret} `, `${hook.secret}0`])
      expect((await server.post(hook.id, body, gitlabHeaders(token))).status).toBe(401);
  });

  it('a GitLab that sends no idempotency key tells a repetition by its request and content', async () => {
    const hook = await server.hook('gitlab');
    const without = (cause: string) => {
      const { 'idempotency-key': _, ...headers } = gitlabHeaders(hook.secret);
      return { ...headers, 'x-gitlab-event-uuid': cause };
    };
    const to = (after: string, before: string) => changed('gitlab-push', { after, before });
    // Forth, back, and forth again with the very same content, each by a push of its own.
    const forth = to(MAIN, BEFORE);
    expect((await server.post(hook.id, forth, without('one'))).status).toBe(202);
    expect((await server.post(hook.id, forth, without('one'))).status).toBe(200);
    expect((await server.post(hook.id, to(BEFORE, MAIN), without('two'))).status).toBe(202);
    expect((await server.post(hook.id, forth, without('three'))).status).toBe(202);
    expect(await deliveriesOf(hook)).toHaveLength(3);
  });

  it('all refs of one Bitbucket push are kept, and repeated together', async () => {
    const hook = await server.hook('bitbucket');
    const body = fixture('bitbucket-push');
    const headers = bitbucketHeaders(body, hook.secret);
    expect(await server.post(hook.id, body, headers)).toMatchObject({
      status: 202,
      body: { message: expect.stringMatching(/^main is at .*; v1\.4\.0 is at /) },
    });
    expect((await deliveriesOf(hook)).map(({ ref }) => ref)).toEqual(['refs/heads/main', 'refs/tags/v1.4.0']);
    expect((await server.post(hook.id, body, headers)).status).toBe(200);
    expect(await deliveriesOf(hook)).toHaveLength(2);
  });

  it('Bitbucket shows no commits of forks, so their pull requests are ignored with the reason', async () => {
    const hook = await server.hook('bitbucket');
    const body = changed('bitbucket-pull-request', { 'pullrequest.source.repository': { uuid: '{another}' } });
    expect(await server.post(hook.id, body, bitbucketHeaders(body, hook.secret, 'pullrequest:created'))).toMatchObject({
      status: 202,
      body: { ignored: true, message: expect.stringContaining('does not show commits of a fork') },
    });
  });

  it.each([
    ['github', 'github-pull-request', 'pull_request', { action: 'closed' }],
    ['gitlab', 'gitlab-merge-request', 'Merge Request Hook', { 'object_attributes.action': 'merge' }],
    ['gitea', 'gitea-pull-request', 'pull_request', { action: 'closed' }],
    ['bitbucket', 'bitbucket-pull-request', 'pullrequest:fulfilled', {}],
  ] as const)('%s tells that a pull request is over', async (forge, name, event, change) => {
    const hook = await server.hook(forge);
    const body = changed(name, change);
    expect(await server.post(hook.id, body, HEADERS[forge](body, hook.secret, event))).toMatchObject({
      status: 202,
      body: { message: expect.stringContaining('pull request 17 is closed') },
    });
    expect((await deliveriesOf(hook))[0]?.payload).toMatchObject({ closed: true });
  });

  it.each([
    ['github', 'github-pull-request', { 'pull_request.head.repo.id': 977 }],
    ['github', 'github-pull-request', { 'pull_request.head.repo': null }],
    ['gitlab', 'gitlab-merge-request', { 'object_attributes.source_project_id': null }],
    ['gitea', 'gitea-pull-request', { 'pull_request.head.repo': null }],
  ] as const)('A16: %s: another repository or none at the head means outside', async (forge, name, change) => {
    const hook = await server.hook(forge);
    const body = changed(name, change);
    await server.post(hook.id, body, HEADERS[forge](body, hook.secret, EVENTS[forge].pull));
    expect((await deliveriesOf(hook))[0]?.payload).toMatchObject({ outside: true });
  });

  it('A27: a branch that git would not take is ignored, also in a pull request', async () => {
    const hook = await server.hook('github');
    const body = changed('github-pull-request', { 'pull_request.head.ref': '--output=x' });
    expect(await server.post(hook.id, body, githubHeaders(body, hook.secret, 'pull_request'))).toMatchObject({
      status: 202,
      body: { ignored: true },
    });
  });

  it('a label on a pull request starts nothing', async () => {
    const hook = await server.hook('github');
    const body = changed('github-pull-request', { action: 'labeled' });
    expect(await server.post(hook.id, body, githubHeaders(body, hook.secret, 'pull_request'))).toMatchObject({
      status: 202,
      body: { ignored: true },
    });
    expect(await deliveriesOf(hook)).toEqual([]);
  });
});
