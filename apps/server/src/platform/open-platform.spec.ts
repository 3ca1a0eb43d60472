import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '@sluice/testing';
import { readConfig } from './config/config.ts';
import { openPlatform } from './open-platform.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-platform-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const config = (environment: Record<string, string> = {}) =>
  readConfig({ SLUICE_DATA: folder, ...environment }, folder);

describe('open platform', () => {
  it('standalone: needs no setting, migrates, carries messages, closes everything, and starts again', async () => {
    for (let round = 0; round < 2; round += 1) {
      const platform = await openPlatform(config());
      const seen: string[] = [];
      await platform.queue.consume('dispatch', ({ poolId }) => Promise.resolve(void seen.push(poolId)));
      await platform.queue.send('dispatch', { poolId: 'p' });
      await eventually(() => seen.length === 1);
      expect((await sql<{ n: number }>`select count(*)::int as n from runs`.execute(platform.db)).rows).toEqual([
        { n: 0 },
      ]);
      await platform.close();
      await platform.close();
    }
  });

  it('F43 refuses a folder that is in use, and leaves the one that uses it alone', async () => {
    const first = await openPlatform(config());
    await expect(openPlatform(config())).rejects.toThrow(`already uses the data folder ${folder}`);
    expect((await sql<{ one: number }>`select 1 as one`.execute(first.db)).rows).toEqual([{ one: 1 }]);
    await first.close();
  });

  it('closes what it had opened when a later part refuses', async () => {
    await expect(openPlatform(config({ REDIS_URL: 'redis://127.0.0.1:1' }))).rejects.toThrow(
      /Redis of REDIS_URL cannot be reached/,
    );
    const platform = await openPlatform(config());
    await platform.close();
  });
});
