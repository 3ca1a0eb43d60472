import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '@sluice/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunnerBench } from '../testing/runner-bench.ts';
import { runnerBench } from '../testing/runner-bench.ts';
import { AttemptFolder } from './attempt-folder.ts';

let bench: RunnerBench;
beforeEach(async () => {
  bench = await runnerBench();
});
afterEach(() => bench.stop());

const attempts = () => join(bench.config.workDir, 'attempts');
const sha256 = (bytes: string) => createHash('sha256').update(bytes).digest('hex');

async function leftBehind(
  log: string,
): Promise<{ folder: AttemptFolder; record: ReturnType<RunnerBench['server']['give']> }> {
  mkdirSync(attempts(), { recursive: true });
  const grant = bench.steps([]);
  const record = bench.server.give(grant);
  // The lease was given to the earlier process.
  bench.server.fault = (operation) => (operation === 'poll' ? { status: 503 } : undefined);
  const folder = await AttemptFolder.begin(attempts(), grant);
  writeFileSync(folder.logFile, log);
  return { folder, record };
}

test('a finished result is found again after a restart and sent with the rest of its log', async () => {
  const { folder, record } = await leftBehind('all of the log\n');
  record.log = Buffer.from('all of');
  await folder.saveResult({
    outcome: 'failed',
    reason: { code: 'exit-code', message: 'x' },
    exitCode: 4,
    steps: [],
    log: { length: 15, sha256: sha256('all of the log\n'), truncated: false },
  });
  await bench.start();
  const result = await eventually(() => record.results[0], { everyMs: 5 });
  expect(result).toMatchObject({ outcome: 'failed', exitCode: 4 });
  expect(record.log.toString()).toBe('all of the log\n');
  await eventually(() => readdirSync(attempts()).length === 0, { everyMs: 5 });
});

test('F13 an attempt that was cut off is reported as errored, runner-restarted, while its lease lives', async () => {
  const { record } = await leftBehind('half a li');
  bench.executor.present.add('leftover');
  await bench.start();
  const result = await eventually(() => record.results[0], { everyMs: 5 });
  expect(result).toMatchObject({
    outcome: 'errored',
    reason: { code: 'runner-restarted' },
    log: { length: 9, sha256: sha256('half a li') },
  });
  expect(record.log.toString()).toBe('half a li');
  await eventually(() => bench.executor.swept.includes('leftover'), { everyMs: 5 });
});

test('an attempt whose lease has ended meanwhile is forgotten without a word', async () => {
  const { folder, record } = await leftBehind('old');
  bench.server.loseLease(folder.lease.attemptId);
  await bench.start();
  await eventually(() => readdirSync(attempts()).length === 0, { everyMs: 5 });
  expect(record.results).toEqual([]);
});

test('a result that cannot be delivered before the process ends stays for the next one', async () => {
  const record = bench.server.give(bench.steps(['print done']));
  bench.server.fault = (operation) => (operation === 'result' ? 'refuse' : undefined);
  const first = await bench.start({ lastWordsMs: 50 });
  await eventually(
    () => readdirSync(attempts()).some((name) => readdirSync(join(attempts(), name)).includes('result.json')),
    { everyMs: 5 },
  );
  first.cancel();
  await first.finished;
  expect(record.results).toEqual([]);
  bench.server.fault = () => undefined;
  await bench.start();
  expect(await eventually(() => record.results[0], { everyMs: 5 })).toMatchObject({
    outcome: 'passed',
    steps: [{ status: 'passed' }],
  });
  await eventually(() => readdirSync(attempts()).length === 0, { everyMs: 5 });
});

test('a draining runner ends although an old result cannot be delivered, and keeps it', async () => {
  const { folder } = await leftBehind('old');
  bench.server.fault = (operation) => (operation === 'register' ? undefined : 'refuse');
  const runner = await bench.start();
  runner.drain();
  await runner.finished;
  expect(readdirSync(attempts())).toEqual([folder.lease.attemptId]);
});

test('a folder that says nothing readable is removed', async () => {
  mkdirSync(join(attempts(), randomUUID()), { recursive: true });
  await bench.start();
  expect(await eventually(() => readdirSync(attempts()).length === 0, { everyMs: 5 })).toBe(true);
});
