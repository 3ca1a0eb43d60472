import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { API_PREFIX } from '@sluice/protocol';
import { eventually, startFaultProxy } from '@sluice/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunnerBench } from '../testing/runner-bench.ts';
import { runnerBench } from '../testing/runner-bench.ts';

const busy = fileURLToPath(new URL('../testing/busy-process.ts', import.meta.url));
let bench: RunnerBench;
beforeEach(async () => {
  bench = await runnerBench();
});
afterEach(() => bench.stop());

test('a lease is renewed while its process only computes', async () => {
  const grant = bench.steps([]);
  const record = bench.server.give(grant);
  const base = `${bench.server.url.origin}${API_PREFIX}`;
  const child = spawn(
    process.execPath,
    ['--conditions', '@sluice/source', '--no-warnings', busy, base, bench.server.token, grant.attemptId, '4000'],
    { stdio: 'inherit' },
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await eventually(() => record.renewals >= 5, {
    timeoutMs: 10_000,
    everyMs: 5,
    describe: 'renewals of a busy process',
  });
  expect(child.exitCode).toBeNull();
  await ended;
});

/** The runner reaches the server through a proxy that breaks connections. */
async function behindProxy() {
  const proxy = await startFaultProxy({ port: Number(bench.server.url.port) });
  const grant = bench.steps(['print begun', 'await-go', 'repeat 500 line', 'print over']);
  const record = bench.server.give(grant);
  // The proxy may end before the last answer has passed; nobody waits for it then.
  await bench.start({ lastWordsMs: 200 }, { serverUrl: new URL(`http://${proxy.host}:${proxy.port}`) });
  await eventually(() => record.log.includes('begun'), { timeoutMs: 20_000, everyMs: 5 });
  return { proxy, record, grant };
}

const EXPECTED = `$ print begun\nbegun\n$ await-go\n$ repeat 500 line\n${'line\n'.repeat(500)}$ print over\nover\n`;

test.each(['refuse', 'halfOpen'] as const)(
  'F16 F18 F19 after a partition (%s) that outlasts the job, all of it arrives once',
  async (fault) => {
    const { proxy, record } = await behindProxy();
    proxy.set({ [fault]: true });
    if (fault === 'refuse') proxy.cutAll();
    const before = record.renewals;
    bench.executor.go();
    await eventually(() => bench.executor.present.size === 0, { timeoutMs: 20_000, describe: 'the end of the job' });
    expect(record.renewals - before).toBeLessThanOrEqual(1);
    expect(record.results).toEqual([]);
    // What hung in the middle is lost, not late.
    proxy.cutAll();
    proxy.set({});
    const result = await eventually(() => record.results[0], { timeoutMs: 40_000, everyMs: 5, describe: 'the result' });
    expect(record.log.toString()).toBe(EXPECTED);
    expect(result).toMatchObject({
      outcome: 'passed',
      log: { sha256: createHash('sha256').update(record.log).digest('hex') },
    });
    await proxy.stop();
  },
  90_000,
);

test('F17 a partition that outlasts the lease: nothing of the attempt is applied or sent again afterwards', async () => {
  const { proxy, record, grant } = await behindProxy();
  proxy.set({ refuse: true });
  proxy.cutAll();
  bench.server.loseLease(grant.attemptId);
  const had = record.log.toString();
  bench.executor.go();
  await eventually(() => bench.executor.present.size === 0, { timeoutMs: 20_000 });
  proxy.set({});
  await eventually(() => record.callsAfterLost.length > 0, { timeoutMs: 20_000, everyMs: 5 });
  const next = bench.server.give(bench.steps(['print next']));
  await eventually(() => next.results[0], { timeoutMs: 20_000, everyMs: 5, describe: 'the next job' });
  expect(record.results).toEqual([]);
  expect(record.log.toString()).toBe(had);
  await proxy.stop();
});
