import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { startGitHost } from '@sluice/testing';
import { extract } from 'tar-stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunnerBench } from '../testing/runner-bench.ts';
import { runnerBench } from '../testing/runner-bench.ts';
import { MirrorCache } from './mirror-cache.ts';
import { buildContext, commitTar, folderInTree } from './service-tree.ts';

let bench: RunnerBench;
let mirrors: MirrorCache;
const signal = new AbortController().signal;
beforeEach(async () => {
  bench = await runnerBench();
  mirrors = new MirrorCache({ folder: join(bench.folder, 'mirrors'), httpOrigins: [bench.git.origin], maxMiB: 100 });
});
afterEach(() => bench.stop());

const source = (
  change: {
    url?: string;
    commit?: string;
    ref?: string;
    credential?: { username: string; password: string } | null;
  } = {},
) => ({
  url: bench.git.repositoryUrl('shop'),
  path: '',
  commit: bench.commit,
  ref: 'refs/heads/main',
  credential: null,
  ...change,
});

async function contents(tar: Readable): Promise<Record<string, string>> {
  const entries = extract();
  tar.once('error', (error) => entries.destroy(error));
  tar.pipe(entries as unknown as NodeJS.WritableStream);
  const found: Record<string, string> = {};
  for await (const entry of entries) {
    let text = '';
    for await (const chunk of entry) text += Buffer.from(chunk as Uint8Array).toString();
    found[entry.header.name] = entry.header.type === 'file' ? text : (entry.header.type ?? '');
  }
  return found;
}

test('the tree of the commit comes as a tar, and a commit that is known needs no network', async () => {
  const checkout = await mirrors.provide(source(), signal);
  expect(await contents(commitTar(checkout))).toMatchObject({
    'README.md': 'shop\n',
    'services/catalog/hello.txt': 'hello\n',
  });
  await bench.git.stop();
  await expect(mirrors.provide(source(), signal)).resolves.toMatchObject({ commit: bench.commit });
});

test.each([
  ['A19', '--upload-pack=touch /tmp/x'],
  ['A19', '-oProxyCommand=touch /tmp/x'],
  ['A19', 'ssh://-oProxyCommand=x/y'],
  ['A20', 'ext::sh -c "touch /tmp/x"'],
  ['A20', 'EXT::sh'],
  ['A20', 'fd::17'],
  ['A21', 'file:///etc'],
  ['A21', '/srv/other.git'],
  ['A21', '../x'],
  ['A21', '\\\\host\\share'],
  ['A22', 'http://127.0.0.1:6379/'],
  ['A22', 'http://169.254.169.254/latest'],
  ['A25', 'https://u:p@example.com/x'],
  ['A26', 'https://example.com/x\ny'],
  ['', 'git@example.com:x/y'],
])('%s the address %s is refused before git sees it', async (_, url) => {
  const refused = mirrors.provide(source({ url }), signal);
  await expect(refused).rejects.toMatchObject({ code: 'checkout' });
  await expect(refused).rejects.not.toThrow(/u:p/);
  expect(existsSync(join(bench.folder, 'mirrors'))).toBe(false);
});

test.each(['-h', '--output=x', 'refs/heads/../x', 'a b', 'a\nb', 'x'.repeat(4096), 'a..b', 'refs/heads/x.lock'])(
  'A27 the ref %j is refused',
  async (ref) => {
    await expect(mirrors.provide(source({ ref }), signal)).rejects.toMatchObject({ code: 'checkout' });
  },
);

test('A27 a branch with shell characters in its name is only a name', async () => {
  const branch = '$(touch;id);`id`&rm';
  const commit = bench.push({ 'a.txt': 'a' }, branch);
  await expect(mirrors.provide(source({ commit, ref: `refs/heads/${branch}` }), signal)).resolves.toMatchObject({
    commit,
  });
});

test('A18 a commit of another branch, a short id and an unknown commit are refused', async () => {
  const commit = bench.push({ 'a.txt': 'a' }, 'other');
  await expect(mirrors.provide(source({ commit }), signal)).rejects.toThrow(/not reachable from refs\/heads\/main/);
  await expect(mirrors.provide(source({ commit: commit.slice(0, 39) }), signal)).rejects.toThrow(/no full commit id/);
  await expect(mirrors.provide(source({ commit: 'f'.repeat(40) }), signal)).rejects.toThrow(/not reachable/);
});

test('A18 a commit that was found before is refused once the branch was seen without it', async () => {
  const found = bench.push({ 'a.txt': '1' }, 'topic');
  await mirrors.provide(source({ commit: found, ref: 'topic' }), signal);
  const bare = join(bench.folder, 'git', 'shop.git');
  execFileSync('git', ['--git-dir', bare, 'update-ref', 'refs/heads/topic', bench.commit]);
  // Nothing has been fetched since.
  await mirrors.provide(source({ commit: found, ref: 'topic' }), signal);
  await expect(mirrors.provide(source({ commit: 'f'.repeat(40), ref: 'topic' }), signal)).rejects.toThrow(
    /not reachable/,
  );
  await expect(mirrors.provide(source({ commit: found, ref: 'topic' }), signal)).rejects.toThrow(/not reachable/);
});

test('a branch that became a folder of branches is fetched all the same', async () => {
  await mirrors.provide(source({ commit: bench.push({ 'a.txt': '1' }, 'topic'), ref: 'topic' }), signal);
  const bare = join(bench.folder, 'git', 'shop.git');
  execFileSync('git', ['--git-dir', bare, 'branch', '-D', 'topic'], { stdio: 'pipe' });
  const commit = bench.push({ 'a.txt': '2' }, 'topic/two');
  await expect(mirrors.provide(source({ commit, ref: 'topic/two' }), signal)).resolves.toMatchObject({ commit });
});

test('A24 a redirect is not followed', async () => {
  const asked: string[] = [];
  const elsewhere = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(302, { location: `${bench.git.origin}${request.url}` }).end();
  });
  await new Promise<void>((done) => elsewhere.listen(0, '127.0.0.1', done));
  const origin = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
  const open = new MirrorCache({
    folder: join(bench.folder, 'mirrors'),
    httpOrigins: [origin, bench.git.origin],
    maxMiB: 100,
  });
  await expect(open.provide(source({ url: `${origin}/shop.git` }), signal)).rejects.toMatchObject({ code: 'checkout' });
  expect(asked).toHaveLength(1);
  elsewhere.close();
});

test('A30 A86 a credential reaches the server and no file of the mirror; settings and hooks of the machine do not reach git', async () => {
  const guarded = await startGitHost({
    root: join(bench.folder, 'git'),
    users: { reader: 'pw-of-reader' },
    read: 'authenticated',
  });
  const home = join(bench.folder, 'mirrors', 'home');
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, '.gitconfig'), '[url "ext::touch hacked"]\n\tinsteadOf = http\n');
  const open = new MirrorCache({ folder: join(bench.folder, 'mirrors'), httpOrigins: [guarded.origin], maxMiB: 100 });
  const url = guarded.repositoryUrl('shop');
  await expect(
    open.provide(source({ url, credential: { username: 'reader', password: 'wrong-one' } }), signal),
  ).rejects.toMatchObject({ code: 'checkout' });
  await open.provide(source({ url, credential: { username: 'reader', password: 'pw-of-reader' } }), signal);
  const secret = Buffer.from('reader:pw-of-reader').toString('base64');
  const found = spawnGrep([secret, 'pw-of-reader'], join(bench.folder, 'mirrors'));
  expect(found).toBe('');
  await guarded.stop();
});

test('export rules of the repository do not change what a job sees', async () => {
  const commit = bench.push({
    '.gitattributes': 'README.md export-ignore\n*.txt export-subst\n',
    'v.txt': '$Format:%H$\n',
  });
  const files = await contents(commitTar(await mirrors.provide(source({ commit }), signal)));
  expect(files).toMatchObject({ 'README.md': 'shop\n', 'v.txt': '$Format:%H$\n' });
});

test('a build context holds what .dockerignore leaves, with exceptions and the Dockerfile, the same bytes each time', async () => {
  const files = {
    '.dockerignore': '*\n!src\nsrc/secret\n!src/secret/public.txt\n',
    Dockerfile: 'FROM scratch\n',
    'src/a.js': 'a',
    'src/secret/key': 'k',
    'src/secret/public.txt': 'p',
    'docs/x.md': 'x',
  };
  const commit = bench.push(
    Object.fromEntries(Object.entries(files).map(([name, text]) => [`services/app/${name}`, text])),
  );
  const checkout = await mirrors.provide(source({ commit }), signal);
  const context = await contents(await buildContext(checkout, folderInTree('services/app', '.'), 'Dockerfile'));
  expect(Object.keys(context).sort()).toEqual([
    'Dockerfile',
    'src/',
    'src/a.js',
    'src/secret/',
    'src/secret/public.txt',
  ]);
});

test("a folder that is not there, or outside of the checkout, is the user's mistake", async () => {
  const checkout = await mirrors.provide(source(), signal);
  await expect(buildContext(checkout, 'services/none', 'Dockerfile')).rejects.toMatchObject({
    name: 'JobRefused',
    code: 'no-such-folder',
  });
  expect(() => folderInTree('services', '../../etc')).toThrow(/outside of the checkout/);
  expect(folderInTree('./services/catalog/', '.')).toBe('services/catalog');
});

test('A32 a repository above the limit is refused and its mirror removed', async () => {
  const { randomBytes } = await import('node:crypto');
  const commit = bench.push({ 'large.bin': randomBytes(6_000_000).toString('base64') });
  const small = new MirrorCache({ folder: join(bench.folder, 'mirrors'), httpOrigins: [bench.git.origin], maxMiB: 1 });
  await expect(small.provide(source({ commit }), signal)).rejects.toThrow(/larger than 1 MiB/);
  expect(readdirSync(join(bench.folder, 'mirrors')).filter((name) => name.endsWith('.git'))).toEqual([]);
});

function spawnGrep(words: readonly string[], folder: string): string {
  try {
    return execFileSync('grep', ['-r', '-l', '-a', '-F', ...words.flatMap((word) => ['-e', word]), folder]).toString();
  } catch {
    return '';
  }
}
