import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGitHost } from './git-host.ts';
import type { GitHost } from './git-host.ts';
import type { PushPayload } from './push-hook.ts';
import { temporaryFolder } from './temporary-folder.ts';

const SECRET = 'a secret with "quotes" and ünïcode';
const folder = temporaryFolder('git-host-spec');
const received: { headers: IncomingHttpHeaders; body: string }[] = [];
let receiver: Server;
let host: GitHost;
let hookUrl: string;

beforeAll(async () => {
  receiver = createServer((request, response) => {
    let body = '';
    request
      .on('data', (chunk: Buffer) => (body += chunk.toString()))
      .on('end', () => {
        received.push({ headers: request.headers, body });
        const number = received.length;
        response.setHeader('Content-Type', 'application/json');
        response.end(
          JSON.stringify({ runs: [{ service: 'catalog', number, url: `http://127.0.0.1:4000/runs/${number}` }] }),
        );
      });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  hookUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks/1`;
  host = await startGitHost({ root: join(folder.path, 'repositories'), users: { ada: 'p@ss:w/rd', bo: 'x' } });
});
afterAll(async () => {
  await host?.stop();
  receiver?.close();
  folder.remove();
});

let made = 0;
/** A work tree with one commit on main, and a git that runs in it with settings of its own. */
async function workTree(name: string) {
  const path = join(folder.path, `work-${++made}`);
  mkdirSync(path);
  const git = (...args: string[]) =>
    execa('git', args, {
      cwd: path,
      all: true,
      stdin: 'ignore',
      env: { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' },
    });
  const commit = async (message: string, files: Record<string, string>) => {
    for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
    await git('add', '--all');
    await git('-c', 'user.name=Zoë Author', '-c', 'user.email=zoe@example.test', 'commit', '--quiet', '-m', message);
    return (await git('rev-parse', 'HEAD')).stdout;
  };
  await git('init', '--quiet', '--initial-branch=main');
  await git('remote', 'add', 'origin', host.repositoryUrl(name, 'ada'));
  return { path, git, commit };
}

describe('startGitHost', () => {
  it('announces a push with a valid signature, the proven pusher and what each commit changed', async () => {
    await host.createRepository('catalog', { hookUrl, hookSecret: SECRET });
    const { git, commit } = await workTree('catalog');
    const first = await commit('first', { 'a.txt': '1', 'umlaut ü.txt': '1' });
    const second = await commit('second\n\nwith a body', { 'a.txt': '2', 'b.txt': '1' });
    const { all } = await git('push', 'origin', 'main');
    expect(all).toContain('remote: sluice: run catalog #1 http://127.0.0.1:4000/runs/1');
    const { headers, body } = received[0] ?? expect.unreachable();
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-sluice-event': 'push' });
    expect(headers['x-sluice-delivery']).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers['x-sluice-signature-256']).toBe(`sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`);
    const author = { name: 'Zoë Author', email: 'zoe@example.test' };
    expect(JSON.parse(body)).toEqual({
      ref: 'refs/heads/main',
      before: '0'.repeat(40),
      after: second,
      repository: { name: 'catalog' },
      pusher: { name: 'ada' },
      commits: [
        { id: first, message: 'first', author, added: ['a.txt', 'umlaut ü.txt'], modified: [], removed: [] },
        { id: second, message: 'second\n\nwith a body', author, added: ['b.txt'], modified: ['a.txt'], removed: [] },
      ],
    } satisfies PushPayload);
  });

  it('announces each ref of a push: a new branch on a known commit, a deletion, a tag', async () => {
    await host.createRepository('refs', { hookUrl, hookSecret: SECRET });
    const { git, commit } = await workTree('refs');
    const id = await commit('only', { 'a.txt': '1' });
    await git('push', 'origin', 'main');
    received.length = 0;
    await git('-c', 'user.name=Zoë', '-c', 'user.email=zoe@example.test', 'tag', '-m', 'annotated', 'v1');
    await git('push', 'origin', 'main:refs/heads/topic', 'v1');
    await git('push', 'origin', ':refs/heads/topic');
    const payloads = received.map(({ body }) => JSON.parse(body) as PushPayload);
    const seen = payloads.map(({ ref, after, commits }) => [
      ref,
      /^0+$/.test(after) ? 'gone' : 'there',
      commits.map((one) => one.id),
    ]);
    expect(seen).toHaveLength(3);
    expect(seen).toEqual(
      expect.arrayContaining([
        ['refs/heads/topic', 'there', [id]],
        ['refs/tags/v1', 'there', [id]],
        ['refs/heads/topic', 'gone', []],
      ]),
    );
  });

  it('sends the newest 50 commits, newest last', async () => {
    await host.createRepository('many', { hookUrl, hookSecret: SECRET });
    const { git, commit } = await workTree('many');
    for (let i = 1; i <= 53; i += 1) await commit(`commit ${i}`, { 'a.txt': String(i) });
    received.length = 0;
    await git('push', 'origin', 'main');
    const { commits } = JSON.parse(received[0]?.body ?? '{}') as PushPayload;
    expect(commits.map(({ message }) => message)).toEqual(Array.from({ length: 50 }, (_, i) => `commit ${i + 4}`));
  }, 30_000);

  it('lets a push through that the webhook does not take', async () => {
    const { port } = await new Promise<AddressInfo>((resolve) => {
      const closed = createServer().listen(0, '127.0.0.1', () => {
        const address = closed.address() as AddressInfo;
        closed.close(() => resolve(address));
      });
    });
    await host.createRepository('alone', { hookUrl: `http://127.0.0.1:${port}/hooks/1`, hookSecret: SECRET });
    const { git, commit } = await workTree('alone');
    const id = await commit('first', { 'a.txt': '1' });
    const { all } = await git('push', 'origin', 'main');
    expect(all).toMatch(/remote: sluice: could not reach http:\/\/127\.0\.0\.1:\d+\/hooks\/1 \(.*ECONNREFUSED/);
    expect((await git('ls-remote', host.repositoryUrl('alone'), 'refs/heads/main')).stdout).toContain(id);
  });

  it('takes a large push (chunked) and serves it to a clone without sign-in', async () => {
    await host.createRepository('large');
    const { git, commit, path } = await workTree('large');
    await commit('large', { 'big.bin': randomBytes(3_000_000).toString('latin1') });
    await git('push', 'origin', 'main');
    const clone = join(folder.path, 'clone-large');
    await git('clone', '--quiet', host.repositoryUrl('large'), clone);
    await execa('cmp', [join(path, 'big.bin'), join(clone, 'big.bin')]);
    expect((await execa('git', ['-C', clone, 'branch', '--show-current'])).stdout).toBe('main');
  });

  it('asks for a password before a push and refuses a wrong one', async () => {
    await host.createRepository('locked');
    const { git, commit } = await workTree('locked');
    await commit('first', { 'a.txt': '1' });
    await expect(git('push', host.repositoryUrl('locked'), 'main')).rejects.toThrow(
      /could not read Username|Authentication failed/,
    );
    await expect(git('push', host.repositoryUrl('locked', 'bo').replace(':x@', ':wrong@'), 'main')).rejects.toThrow(
      'Authentication failed',
    );
    await git('push', host.repositoryUrl('locked', 'bo'), 'main');
  });

  it('serves nothing but the smart protocol of repositories below its folder', async () => {
    writeFileSync(join(folder.path, 'outside.git'), 'x');
    const paths = [
      '/',
      '/catalog.git/config',
      '/catalog.git/HEAD',
      '/../outside.git/info/refs?service=git-upload-pack',
      '/catalog.git/info/refs',
      '/%2e%2e%2fcatalog.git/info/refs?service=git-upload-pack',
      '/-catalog.git/info/refs?service=git-upload-pack',
      '/none.git/info/refs?service=git-upload-pack',
    ];
    for (const path of paths) {
      const socketAnswer = await execa('curl', [
        '-s',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code}',
        '--path-as-is',
        `${host.url}${path}`,
      ]);
      expect([path, socketAnswer.stdout]).toEqual([path, '404']);
    }
    expect((await fetch(`${host.url}/catalog.git/git-upload-pack`)).status).toBe(405);
  });

  it.each(['../up', 'a/b', '.hidden', '-option', 'UPPER', 'a..b', 'a.git', 'a.lock', '', 'x'.repeat(64)])(
    'refuses the repository name %j',
    async (name) => {
      await expect(host.createRepository(name)).rejects.toThrow('is no repository name');
      expect(existsSync(join(folder.path, 'up.git'))).toBe(false);
    },
  );

  it('demands sign-in for reading when told so', async () => {
    const closed = await startGitHost({
      root: join(folder.path, 'repositories'),
      users: { ada: 'secret' },
      read: 'authenticated',
    });
    const refs = `${closed.url}/large.git/info/refs?service=git-upload-pack`;
    expect((await fetch(refs)).status).toBe(401);
    expect((await fetch(refs, { headers: { Authorization: `Basic ${btoa('ada:secret')}` } })).status).toBe(200);
    expect((await fetch(refs, { headers: { Authorization: `Basic ${btoa('toString:')}` } })).status).toBe(401);
    await closed.stop();
  });
});
