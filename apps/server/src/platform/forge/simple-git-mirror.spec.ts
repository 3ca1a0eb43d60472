import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGitHost } from '@sluice/testing';
import { CommitMissingError, RepositoryUnreachableError, UnreadableFileError } from './git-mirror.port.ts';
import { SimpleGitMirror } from './simple-git-mirror.ts';
import { makeWorkTree, type WorkTree } from './testing/work-tree.ts';

describe('SimpleGitMirror', () => {
  const root = mkdtempSync(join(tmpdir(), 'sluice-mirror-'));
  let host: Awaited<ReturnType<typeof startGitHost>>;
  let work: WorkTree;
  let mirror: SimpleGitMirror;
  let repository: { id: string; url: string; credential: { username: string; password: string } | null };
  const shas: string[] = [];

  beforeAll(async () => {
    host = await startGitHost({ root: join(root, 'host'), users: { ada: 'ada-password' }, read: 'authenticated' });
    const { url } = await host.createRepository('catalog');
    work = await makeWorkTree(join(root, 'work'));
    shas.push(await work.commit('First', { 'sluice.yaml': 'service: catalog\n' }));
    mkdirSync(join(work.folder, 'services'));
    symlinkSync('/etc/passwd', join(work.folder, 'link.yaml'));
    symlinkSync('/etc', join(work.folder, 'services', 'etc'));
    shas.push(await work.commit('Second', { 'services/a/x.txt': 'one\ntwo\n' }));
    await work.git('remote', 'add', 'origin', host.repositoryUrl('catalog', 'ada'));
    await work.git('push', '--quiet', 'origin', 'main');
    mirror = new SimpleGitMirror({ folder: join(root, 'mirrors'), allowedOrigins: [host.origin] });
    repository = { id: 'r1', url, credential: { username: 'ada', password: 'ada-password' } };
    await mirror.fetch(repository);
  });
  afterAll(async () => {
    await host.stop();
    rmSync(root, { recursive: true, force: true });
  });

  it('removes mirrors that are a day old and of no connected repository, and nothing else', async () => {
    const folder = join(root, 'others');
    const others = new SimpleGitMirror({ folder, allowedOrigins: [host.origin] });
    await others.fetch(repository);
    const [connected] = readdirSync(folder).filter((name) => name.endsWith('.git'));
    const old = new Date(Date.now() - 2 * 86_400_000);
    const made = { gone: `${'a'.repeat(40)}.git`, new: `${'b'.repeat(40)}.git`, foreign: 'notes.git' };
    for (const name of Object.values(made)) mkdirSync(join(folder, name, 'objects'), { recursive: true });
    for (const name of [connected!, made.gone, made.foreign]) utimesSync(join(folder, name), old, old);
    expect(await others.removeOthers([repository])).toBe(1);
    expect(new Set(readdirSync(folder))).toEqual(new Set([connected, 'home', made.foreign, made.new]));
    // The same repository under another address has another mirror.
    expect(await others.removeOthers([{ ...repository, url: `${host.origin}/elsewhere.git` }])).toBe(1);
  });

  it('reads a file at a commit without a checkout', async () => {
    expect(await mirror.readFile(repository, shas[0]!, 'sluice.yaml')).toBe('service: catalog\n');
    expect(await mirror.readFile(repository, shas[0]!, 'services/a/x.txt')).toBeNull();
  });

  it('A31: refuses a symbolic link as a file', async () => {
    await expect(mirror.readFile(repository, shas[1]!, 'link.yaml')).rejects.toThrow(UnreadableFileError);
    expect(await mirror.readFile(repository, shas[1]!, 'services/etc/passwd')).toBeNull();
  });

  it('knows branches, commits, changed paths and sizes', async () => {
    expect(await mirror.resolve(repository, 'main')).toBe(shas[1]);
    expect(await mirror.resolve(repository, 'refs/heads/none')).toBeNull();
    expect((await mirror.commit(repository, shas[1]!)).authorEmail).toBe('ada@example.com');
    expect((await mirror.commitsBetween(repository, shas[0]!, shas[1]!, 10)).commits.map((one) => one.message)).toEqual(
      ['Second'],
    );
    expect((await mirror.commitsBetween(repository, null, shas[1]!, 10)).commits).toHaveLength(1);
    expect(await mirror.changedPaths(repository, shas[0]!, shas[1]!)).toEqual([
      'link.yaml',
      'services/a/x.txt',
      'services/etc',
    ]);
    expect(await mirror.changedPaths(repository, null, shas[1]!)).toBeNull();
    expect(await mirror.diffSummary(repository, shas[0]!, shas[1]!)).toEqual({ files: 3, insertions: 4, deletions: 0 });
  });

  it('A15: names the authors of the whole change, of all history where nothing is known to be live, and believes no mailmap', async () => {
    await work.git('checkout', '--quiet', '-b', 'authors', shas[1]!);
    const third = await work.commit(
      'Third\n\nCo-authored-by: Bea <bea@example.com>\nCo-authored-by: Cy <cy@example.com>',
      {
        '.mailmap': 'Nobody <nobody@example.com> <ada@example.com>\n',
      },
    );
    const odd = await work.commit('Odd \u001e subject \u001f here', { 'odd.txt': '1' });
    await work.git('push', '--quiet', 'origin', 'authors');
    await work.git('checkout', '--quiet', 'main');
    await mirror.fetch(repository);
    expect(await mirror.authorsBetween(repository, shas[1]!, odd)).toEqual([
      { sha: odd, emails: ['ada@example.com'] },
      { sha: third, emails: ['ada@example.com', 'bea@example.com', 'cy@example.com'] },
    ]);
    const all = [odd, third, shas[1]!, shas[0]!];
    expect((await mirror.authorsBetween(repository, null, odd)).map(({ sha }) => sha)).toEqual(all);
    expect((await mirror.authorsBetween(repository, 'f'.repeat(40), odd)).map(({ sha }) => sha)).toEqual(all);
    expect((await mirror.commit(repository, odd)).message).toBe('Odd \u001e subject \u001f here');
  });

  it('A18: a commit counts only when it is reachable from the named branch', async () => {
    await work.git('checkout', '--quiet', '-b', 'side', shas[0]!);
    const side = await work.commit('Beside', { 'side.txt': '1' });
    await work.git('push', '--quiet', 'origin', 'side');
    await work.git('checkout', '--quiet', 'main');
    await mirror.fetch(repository);
    expect(await mirror.contains(repository, 'side', side)).toBe(true);
    // The mirror has the commit, and yet it is none of this branch.
    expect((await mirror.commit(repository, side)).message).toBe('Beside');
    expect(await mirror.contains(repository, 'main', side)).toBe(false);
    expect(await mirror.contains(repository, 'main', shas[0]!)).toBe(true);
    expect(await mirror.contains(repository, 'none', shas[0]!)).toBe(false);
    expect(await mirror.contains(repository, 'main', 'f'.repeat(40))).toBe(false);
    expect(await mirror.contains(repository, 'main', shas[0]!.slice(0, 39))).toBe(false);
    expect(await mirror.contains(repository, 'main', 'refs/heads/main')).toBe(false);
    await expect(mirror.commit(repository, 'f'.repeat(40))).rejects.toThrow(CommitMissingError);
    expect(await mirror.mergeBase(repository, side, shas[1]!)).toBe(shas[0]);
    expect(await mirror.mergeBase(repository, shas[0]!, shas[1]!)).toBe(shas[0]);
    expect(await mirror.mergeBase(repository, 'f'.repeat(40), shas[1]!)).toBeNull();
  });

  it('brings a push that came after the fetch of another caller had begun', async () => {
    const [, sha] = await Promise.all([
      mirror.fetch(repository),
      work
        .commit('Third', { 'third.txt': '3' })
        .then(async (made) => (await work.git('push', '--quiet', 'origin', 'main'), made)),
    ]);
    await Promise.all([mirror.fetch(repository), mirror.fetch(repository), mirror.fetch(repository)]);
    expect(await mirror.resolve(repository, 'main')).toBe(sha);
  });

  it('forgets a branch that was deleted and follows one that was rewritten', async () => {
    await work.git('push', '--quiet', 'origin', `${shas[1]!}:refs/heads/gone`);
    await mirror.fetch(repository);
    expect(await mirror.resolve(repository, 'gone')).toBe(shas[1]);
    await work.git('push', '--quiet', 'origin', '--delete', 'gone');
    await mirror.fetch(repository);
    expect(await mirror.resolve(repository, 'gone')).toBeNull();
    await work.git('push', '--quiet', '--force', 'origin', `${shas[0]!}:refs/heads/side`);
    await mirror.fetch(repository);
    expect(await mirror.resolve(repository, 'side')).toBe(shas[0]);
  });

  it('fetches again into a mirror that a killed fetch left locked', async () => {
    const folder = join(
      root,
      'mirrors',
      readdirSync(join(root, 'mirrors')).find((name) => name.endsWith('.git'))!,
    );
    for (const name of ['packed-refs.lock', 'refs/heads/main.lock']) writeFileSync(join(folder, name), '');
    const sha = await work.commit('After the crash', { 'crash.txt': '1' });
    await work.git('push', '--quiet', 'origin', 'main');
    await expect(mirror.fetch(repository)).rejects.toThrow(/cannot lock ref/);
    const restarted = new SimpleGitMirror({ folder: join(root, 'mirrors'), allowedOrigins: [host.origin] });
    await restarted.fetch(repository);
    expect(await restarted.resolve(repository, 'main')).toBe(sha);
  });

  it('A27: reads branches with shell characters in their names as data', async () => {
    const name = '$(touch${IFS}pwned)`id`;x';
    await work.git('push', '--quiet', 'origin', `${shas[1]!}:refs/heads/${name}`);
    await mirror.fetch(repository);
    expect(await mirror.resolve(repository, name)).toBe(shas[1]);
    expect(await mirror.contains(repository, name, shas[0]!)).toBe(true);
    for (const bad of ['-h', '--output=x', 'a b', 'refs/heads/../x', 'main^{tree}', 'main~1', `a${'b'.repeat(4096)}`]) {
      expect(await mirror.resolve(repository, bad)).toBeNull();
    }
  });

  it('says in one sentence, without the credential, that a repository cannot be reached', async () => {
    const wrong = { ...repository, credential: { username: 'ada', password: 'not-her-password' } };
    const refused = await mirror.fetch(wrong).catch((error: Error) => error);
    expect(refused).toBeInstanceOf(RepositoryUnreachableError);
    expect((refused as Error).message).toMatch(/^The repository could not be fetched: .+/);
    expect((refused as Error).message).not.toContain('not-her-password');
  });

  it.each([
    'ext::sh -c touch% /tmp/x',
    'file:///etc',
    '/srv/other.git',
    '--upload-pack=touch',
    'http://127.0.0.1:1/x.git',
  ])('A19-A22: does not give %s to git', async (url) => {
    await expect(mirror.fetch({ id: 'r2', url, credential: null })).rejects.toThrow(RepositoryUnreachableError);
  });

  it.each([
    'https://127.0.0.1/x.git',
    'https://0x7f.1/x.git',
    'https://[::1]/x.git',
    'https://169.254.169.254/x.git',
    'https://①②⑦.0.0.1/x.git',
  ])('A22: does not speak to %s, which is not public', async (url) => {
    await expect(mirror.fetch({ id: 'r3', url, credential: null })).rejects.toThrow(/not on the public internet/);
  });

  it('A22: looks at every address of a name', async () => {
    const wary = new SimpleGitMirror({
      folder: join(root, 'wary'),
      allowedOrigins: [],
      lookup: async () => ['93.184.216.34', '10.0.0.7'],
    });
    await expect(wary.fetch({ id: 'r4', url: 'https://rebind.example/x.git', credential: null })).rejects.toThrow(
      /not on the public internet/,
    );
  });
});
