import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDebianPackages, startGitHost } from '@sluice/testing';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { makeWorkTree } from '../../platform/forge/testing/work-tree.ts';
import { webhooksApp } from './testing/webhooks-app.ts';

it('the hook in docs/guides/connect-a-repository.md announces a push with its proven pusher', async () => {
  await ensureDebianPackages(['python3']);
  const guide = readFileSync(new URL('../../../../../docs/guides/connect-a-repository.md', import.meta.url), 'utf8');
  const script = /```python\n(.*?)```/s.exec(guide)?.[1] ?? expect.unreachable('the guide has no hook');
  const root = mkdtempSync(join(tmpdir(), 'sluice-guide-'));
  const host = await startGitHost({ root: join(root, 'host'), users: { jonas: 'jonas-password' } });
  const server = await webhooksApp();
  try {
    const hook = await server.hook('git', { service: 'guided' });
    const { port } = server.app.getHttpServer().address() as AddressInfo;
    const { folder } = await host.createRepository('guided');
    mkdirSync(join(folder, 'hooks'), { recursive: true });
    writeFileSync(join(folder, 'hooks', 'post-receive'), script, { mode: 0o755 });
    for (const [key, value] of [
      ['sluice.hookUrl', `http://127.0.0.1:${port}/hooks/${hook.id}`],
      ['sluice.hookSecret', hook.secret],
    ] as const) {
      await execa('git', ['config', '--file', join(folder, 'config'), key, value]);
    }
    const work = await makeWorkTree(join(root, 'work'));
    const sha = await work.commit('First', { 'a.txt': '1' });
    const branch = 'topic/"quoted"';
    const env = { GIT_CONFIG_GLOBAL: '/dev/null', LC_ALL: 'C' };
    const { stderr } = await execa(
      'git',
      ['push', host.repositoryUrl('guided', 'jonas'), 'main', `main:refs/heads/${branch}`],
      {
        cwd: work.folder,
        stdin: 'ignore',
        env,
      },
    );
    expect(stderr).toContain(
      `remote: sluice: main is at ${sha.slice(0, 12)}, planning its runs: http://localhost:4000/services/guided`,
    );
    const rows = await server.database.db
      .selectFrom('deliveries')
      .select(['ref', 'payload'])
      .where('hook_id', '=', hook.id)
      .orderBy('id')
      .execute();
    expect(rows).toMatchObject([
      { ref: 'refs/heads/main', payload: { after: sha, before: null, pusher: 'jonas' } },
      { ref: `refs/heads/${branch}`, payload: { after: sha } },
    ]);
  } finally {
    await server.close();
    await host.stop();
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
});
