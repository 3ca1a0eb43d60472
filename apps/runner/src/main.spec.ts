import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { eventually } from '@sluice/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunnerBench } from './testing/runner-bench.ts';
import { runnerBench } from './testing/runner-bench.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
let bench: RunnerBench;
const children: ChildProcess[] = [];
beforeEach(async () => {
  bench = await runnerBench();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await bench.stop();
});

function run(
  env: Record<string, string>,
  ...args: string[]
): { child: ChildProcess; said: () => string; exited: Promise<number | null> } {
  const child = spawn(process.execPath, ['--conditions', '@sluice/source', '--no-warnings', main, ...args], {
    env: { PATH: process.env['PATH'], ...env } as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, said: () => text, exited: new Promise((resolve) => child.once('exit', resolve)) };
}

test('bad settings end it with code 2 and all problems', async () => {
  const { exited, said } = run({ SLUICE_RUNNER_SLOTS: '-1' });
  expect(await exited).toBe(2);
  expect(said()).toContain('SLUICE_URL is missing');
  expect(said()).toContain('SLUICE_RUNNER_SLOTS must be at least 1');
});

test('without any token it says what to set', async () => {
  const { exited, said } = run({ SLUICE_URL: bench.server.url.href, SLUICE_RUNNER_DIR: bench.config.workDir });
  expect(await exited).toBe(1);
  expect(said()).toContain('set SLUICE_REGISTRATION_TOKEN');
});

test('F47 the process polls, and SIGTERM drains it to exit code 0', async () => {
  const { child, exited, said } = run({
    SLUICE_URL: bench.server.url.href,
    SLUICE_RUNNER_DIR: bench.config.workDir,
    SLUICE_REGISTRATION_TOKEN: 'secret-registration',
    SLUICE_RUNNER_SLOTS: '1',
  });
  await eventually(() => bench.server.pollIds.length > 0, { describe: 'the first poll', timeoutMs: 25_000 });
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
  expect(said()).toContain('runner ended');
  expect(said()).not.toContain('secret-registration');
});

test(
  'two processes on one work folder: the second is refused with the folder and the remedy, and when the first was killed another one starts at once',
  { timeout: 60_000 },
  async () => {
    const settings = {
      SLUICE_URL: bench.server.url.href,
      SLUICE_RUNNER_DIR: bench.config.workDir,
      SLUICE_REGISTRATION_TOKEN: 'secret-registration',
      SLUICE_RUNNER_SLOTS: '1',
    };
    const polls = (count: number) =>
      eventually(() => new Set(bench.server.pollIds).size >= count, { describe: `${count} polls`, timeoutMs: 25_000 });
    const first = run(settings);
    await polls(1);
    const second = run(settings);
    expect(await second.exited).toBe(1);
    expect(second.said()).toContain(
      `Another runner (process ${first.child.pid} on ${hostname()}) uses the work folder`,
    );
    expect(second.said()).toContain(`${bench.config.workDir}: give this one a SLUICE_RUNNER_DIR of its own`);
    first.child.kill('SIGKILL');
    // Not even the end of the first is waited for.
    const third = run(settings);
    await polls(2);
    expect(third.child.exitCode).toBeNull();
  },
);

test(
  '--once takes the first job only, and ends with code 0; another argument is refused',
  { timeout: 60_000 },
  async () => {
    const settings = {
      SLUICE_URL: bench.server.url.href,
      SLUICE_RUNNER_DIR: bench.config.workDir,
      SLUICE_REGISTRATION_TOKEN: 'secret-registration',
      SLUICE_RUNNER_SLOTS: '5',
    };
    const records = [1, 2].map(() => bench.server.give(bench.steps(['any'], {}, { epoch: 1, source: NO_SOURCE })));
    expect(await run(settings, '--once').exited).toBe(0);
    expect(records.map(({ results }) => results.length)).toEqual([1, 0]);
    const wrong = run(settings, '--twice');
    expect(await wrong.exited).toBe(2);
    expect(wrong.said()).toContain('--twice is not known');
  },
);

/** Nothing that could be checked out: the job ends before it needs an engine. */
const NO_SOURCE = { url: 'ftp://nowhere', path: '.', commit: '0'.repeat(40), ref: 'refs/heads/main', credential: null };
