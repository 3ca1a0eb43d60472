import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '@sluice/testing';
import { EmbeddedRunner } from './embedded-runner.ts';
import { openBlobStore } from './platform/blobs/open-blob-store.ts';
import { readConfig } from './platform/config/config.ts';
import { PlatformModule } from './platform/platform.module.ts';
import { startServer, type RunningServer } from './start-server.ts';

const logger = pino({ level: 'silent' });
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-start-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function start(environment: Record<string, string> = {}): Promise<RunningServer> {
  const config = readConfig(
    { PORT: '0', SLUICE_DATA: join(folder, 'data'), SLUICE_RUNNER: 'off', ...environment },
    folder,
  );
  return startServer({
    config,
    logger,
    platform: PlatformModule.forRoot(config, () =>
      openBlobStore(config.blobs, { now: new Date(), warn: () => undefined }),
    ),
  });
}

describe('startServer', () => {
  it('says which port is taken, and what to do', { timeout: 90_000 }, async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    try {
      await expect(start({ PORT: String(port) })).rejects.toThrow(
        `Port ${port} of 127.0.0.1 is taken: stop what listens there, or set PORT to another one.`,
      );
    } finally {
      taken.close();
    }
  });

  it(
    'starts on nothing, is one per folder (F43), stops with streams and polls open (F46), and starts again',
    { timeout: 90_000 },
    async () => {
      const server = await start();
      let stopped: Promise<void> | undefined;
      try {
        expect(server.publicUrl).toMatch(/^http:\/\/localhost:\d+$/);
        expect(await (await fetch(`${server.publicUrl}/readyz`)).json()).toMatchObject({ ready: true });
        await expect(start()).rejects.toThrow(/already uses the data folder/);

        const link = new URL(server.setupLink!);
        const headers = { 'content-type': 'application/json', origin: server.publicUrl };
        const call = (path: string, body: unknown, more: Record<string, string> = {}) =>
          fetch(`${server.publicUrl}/api/v1${path}`, {
            method: 'POST',
            headers: { ...headers, ...more },
            body: JSON.stringify(body),
          });
        const setUp = await call('/setup', {
          token: link.searchParams.get('token'),
          email: 'ada@example.com',
          name: 'Ada',
          password: 'correct horse battery',
        });
        expect(setUp.status).toBe(200);
        const cookie = setUp.headers.get('set-cookie')!.split(';')[0]!;
        const signedIn = { cookie, 'x-sluice-csrf': ((await setUp.json()) as { csrfToken: string }).csrfToken };
        const pool = (await (await call('/pools', { name: 'p' }, signedIn)).json()) as { id: string };
        const { token } = (await (await call(`/pools/${pool.id}/registration-tokens`, {}, signedIn)).json()) as {
          token: string;
        };
        const runner = (await (
          await call('/runner/register', { token, name: 'r', protocol: 1, version: '1' })
        ).json()) as { token: string };

        const stream = await fetch(`${server.publicUrl}/api/v1/live?topics=board`, { headers: { cookie } });
        const poll = call(
          '/runner/poll',
          { pollId: crypto.randomUUID(), slots: 3, waitSeconds: 50, protocol: 1 },
          { authorization: `Bearer ${runner.token}` },
        );
        // The server knows of three slots as soon as the poll has been registered.
        const slots = async () =>
          (
            (await (await fetch(`${server.publicUrl}/api/v1/runners`, { headers: { cookie } })).json()) as {
              slots: number;
            }[]
          )[0]?.slots;
        await eventually(async () => (await slots()) === 3);
        const startedAt = performance.now();
        stopped = server.stop();
        const answer = await poll;
        expect(answer.status).toBe(200);
        expect(await answer.json()).toEqual({ lease: null });
        await stream.text();
        await stopped;
        expect(performance.now() - startedAt).toBeLessThan(20_000);
      } finally {
        await (stopped ?? server.stop());
      }
      const again = await start();
      expect(again.setupLink).toBeUndefined();
      await again.stop();
    },
  );

  it('refuses a broken pipelines folder with its places, and leaves nothing running', { timeout: 60_000 }, async () => {
    mkdirSync(join(folder, 'pipelines'));
    writeFileSync(join(folder, 'pipelines', 'teams.yaml'), 'teams:\n  - slug: NO\n    title: x\n');
    await expect(start()).rejects.toThrow(/teams\.yaml:2: teams\.0\.slug: use a-z/);
    rmSync(join(folder, 'pipelines'), { recursive: true });
    await (await start()).stop();
  });
});

describe('EmbeddedRunner', () => {
  const program = () => join(folder, 'runner.mjs');
  const lines = () =>
    existsSync(join(folder, 'said'))
      ? readFileSync(join(folder, 'said'), 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Record<string, string>)
      : [];
  const says = `import { appendFileSync } from 'node:fs'; appendFileSync(${'process.env.SLUICE_RUNNER_DIR'} + '/../../said', JSON.stringify(process.env) + '\\n');`;

  function runner(): EmbeddedRunner {
    mkdirSync(join(folder, 'data', 'runner'), { recursive: true });
    const config = readConfig(
      {
        SLUICE_DATA: join(folder, 'data'),
        PATH: process.env['PATH'],
        REDIS_URL: 'redis://secret',
        SLUICE_MASTER_KEY: 'ab'.repeat(32),
        AWS_SECRET_ACCESS_KEY: 'secret',
        SLUICE_GIT_ALLOW_ORIGINS: 'http://127.0.0.1:1,https://10.0.0.1',
      },
      folder,
    );
    let issued = 0;
    return new EmbeddedRunner({
      config,
      logger,
      serverUrl: 'http://127.0.0.1:4000',
      registrationToken: async () => `slg_${(issued += 1)}`,
      program: program(),
      firstPauseMs: 20,
    });
  }

  it('is started again with a fresh token when it ends, and knows no secret of the server', async () => {
    writeFileSync(program(), `${says} process.exit(1);`);
    const one = runner();
    one.start();
    await eventually(() => lines().length >= 2);
    await one.stop();
    expect(
      lines()
        .slice(0, 2)
        .map((line) => line['SLUICE_REGISTRATION_TOKEN']),
    ).toEqual(['slg_1', 'slg_2']);
    expect(lines()[0]).toMatchObject({
      SLUICE_URL: 'http://127.0.0.1:4000',
      SLUICE_RUNNER_SLOTS: '2',
      SLUICE_GIT_ALLOW_ORIGINS: 'http://127.0.0.1:1',
    });
    for (const name of ['REDIS_URL', 'DATABASE_URL', 'SLUICE_MASTER_KEY', 'AWS_SECRET_ACCESS_KEY'])
      expect(lines()[0]).not.toHaveProperty(name);
  });

  it('stops with the server', async () => {
    writeFileSync(program(), `${says} process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1000);`);
    const one = runner();
    one.start();
    await eventually(() => lines().length === 1);
    await one.stop();
    await one.stop();
    expect(lines()).toHaveLength(1);
  });
});
