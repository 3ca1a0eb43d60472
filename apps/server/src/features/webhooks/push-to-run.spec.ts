import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, startGitHost, type GitHost } from '@sluice/testing';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeWorkTree } from '../../platform/forge/testing/work-tree.ts';
import { webhooksApp, type TestHook, type WebhooksTestApp } from './testing/webhooks-app.ts';

const root = mkdtempSync(join(tmpdir(), 'sluice-push-'));
let host: GitHost;
let server: WebhooksTestApp;
let hook: TestHook;

beforeAll(async () => {
  host = await startGitHost({ root: join(root, 'host'), users: { jonas: 'jonas-password' } });
  server = await webhooksApp({ SLUICE_GIT_ALLOW_ORIGINS: host.origin });
  hook = await server.hook('git', { url: host.repositoryUrl('shop'), service: 'shop' });
  const { port } = server.app.getHttpServer().address() as AddressInfo;
  await host.createRepository('shop', {
    hookUrl: `http://127.0.0.1:${port}/hooks/${hook.id}`,
    hookSecret: hook.secret,
  });
});
afterAll(async () => {
  await server.close();
  await host.stop();
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
});

const runs = () =>
  server.database.db
    .selectFrom('runs')
    .select(['number', 'commit', 'state'])
    .where('team_id', '=', hook.teamId)
    .orderBy('number')
    .execute();

describe('a git push', () => {
  it('F01: is answered at the terminal once it is stored, and becomes exactly one run whenever planning gets to it', async () => {
    const work = await makeWorkTree(join(root, 'work'));
    await work.git('remote', 'add', 'origin', host.repositoryUrl('shop', 'jonas'));
    const file = 'service: shop\ncommit:\n  jobs:\n    verify: { image: node:24, steps: [{ run: npm test }] }\n';
    const sha = await work.commit('First', { 'sluice.yaml': file });
    const { stderr } = await execa('git', ['push', 'origin', 'main'], {
      cwd: work.folder,
      stdin: 'ignore',
      env: { GIT_CONFIG_GLOBAL: '/dev/null', LC_ALL: 'C' },
    });
    expect(stderr).toContain(
      `remote: sluice: main is at ${sha.slice(0, 12)}, planning its runs: http://localhost:4000/services/shop`,
    );
    // Nobody plans yet, as after a crash: the delivery and its message wait in the database.
    expect(await runs()).toEqual([]);
    server.relay.start();
    const [run] = await eventually(async () => ((await runs()).length > 0 ? runs() : undefined), {
      describe: 'the run',
    });
    expect(run).toMatchObject({
      number: 1,
      commit: sha,
      state: { trigger: { kind: 'push', by: { kind: 'forge', name: 'jonas' } }, ref: 'refs/heads/main' },
    });

    const second = await work.commit('Second', { 'a.txt': '1' });
    await work.git('push', '--quiet', 'origin', 'main');
    await eventually(async () => (await runs()).some((one) => one.commit === second), { describe: 'the second run' });
    expect((await runs()).map((one) => one.number)).toEqual([1, 2]);
    const deliveries = await server.database.db
      .selectFrom('deliveries')
      .select(['status'])
      .where('hook_id', '=', hook.id)
      .execute();
    expect(deliveries).toEqual([{ status: 'planned' }, { status: 'planned' }]);
  });
});
