import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
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
    expect((await mirror.commitsBetween(repository, shas[0]!, shas[1]!, 10)).commits.map((one) => one.message)).toEqual(['Second']);
    expect((await mirror.commitsBetween(repository, null, shas[1]!, 10)).commits).toHaveLength(1);
    expect(await mirror.changedPaths(repository, shas[0]!, shas[1]!)).toEqual(['link.yaml', 'services/a/x.txt', 'services/etc']);
    expect(await mirror.changedPaths(repository, null, shas[1]!)).toBeNull();
    expect(await mirror.diffSummary(repository, shas[0]!, shas[1]!)).toEqual({ files: 3, insertions: 4, deletions: 0 });
  });

  it('A18: a commit counts only when it is reachable from the named branch', async () => {
    expect(await mirror.contains(repository, 'main', shas[0]!)).toBe(true);
    expect(await mirror.contains(repository, 'main', 'f'.repeat(40))).toBe(false);
    expect(await mirror.contains(repository, 'main', 'abc')).toBe(false);
    await expect(mirror.commit(repository, 'f'.repeat(40))).rejects.toThrow(CommitMissingError);
  });

  it.each(['ext::sh -c touch% /tmp/x', 'file:///etc', '/srv/other.git', '--upload-pack=touch', 'http://127.0.0.1:1/x.git'])(
    'A19-A22: does not give %s to git',
    async (url) => {
      await expect(mirror.fetch({ id: 'r2', url, credential: null })).rejects.toThrow(RepositoryUnreachableError);
    },
  );
});
