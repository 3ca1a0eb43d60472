import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@sluice/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runnerBench } from '../testing/runner-bench.ts';
import { LogSpool } from './log-spool.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-log-spool-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the file is exactly what was appended, in order, and the seal tells its length and hash', async () => {
  const spool = await LogSpool.create(join(folder, 'log'), () => undefined);
  const parts = Array.from({ length: 500 }, (_, at) => randomBytes((at * 7919) % 9000));
  for (const part of parts) await spool.append(part);
  const seal = await spool.close();
  const all = Buffer.concat(parts);
  expect(readFileSync(join(folder, 'log')).equals(all)).toBe(true);
  expect(seal).toEqual({ length: all.length, sha256: createHash('sha256').update(all).digest('hex') });
  expect((await spool.read(1000, 50)).equals(all.subarray(1000, 1050))).toBe(true);
  await spool.dispose();
  const again = await LogSpool.reopen(join(folder, 'log'));
  expect(again.seal()).toEqual(seal);
  expect(again.append(Buffer.from('late'))).toBeUndefined();
  await again.dispose();
});

test('a writer far ahead of the disk is made to wait', async () => {
  const spool = await LogSpool.create(join(folder, 'log'), () => undefined);
  expect(spool.append(Buffer.alloc(1000))).toBeUndefined();
  const wait = spool.append(Buffer.alloc(8_000_000));
  expect(wait).toBeInstanceOf(Promise);
  await wait;
  expect(spool.written).toBe(8_001_000);
  await spool.close();
  await spool.dispose();
  await spool.dispose();
});

test('F41 a full disk ends the job as errored, and the result still reaches the server from the kept room', async ({
  skip,
}) => {
  const mount = join(folder, 'small');
  mkdirSync(mount);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', mount], { stdio: 'pipe' });
  } catch (error) {
    skip(`a small file system cannot be mounted here: ${error instanceof Error ? error.message : String(error)}`);
  }
  const bench = await runnerBench();
  try {
    const record = bench.server.give(
      bench.steps([`repeat 20000 ${'x'.repeat(999)}`], {}, { log: { maxBytes: 1e9, length: 0 } }),
    );
    await bench.start({}, { workDir: join(mount, 'runner') });
    const result = await eventually(() => record.results[0], { timeoutMs: 20_000 });
    expect(result).toMatchObject({
      outcome: 'errored',
      reason: { code: 'runner-disk-full' },
      log: { truncated: true },
    });
    expect(record.log.length).toBe(result.log.length);
    // The next job finds room again.
    const next = bench.server.give(bench.steps(['print fine']));
    expect(await eventually(() => next.results[0])).toMatchObject({ outcome: 'passed' });
  } finally {
    await bench.stop();
    execFileSync('umount', [mount]);
  }
});
