import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@sluice/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AttemptRecord } from './testing/fake-server.ts';
import type { RunnerBench } from './testing/runner-bench.ts';
import { runnerBench } from './testing/runner-bench.ts';

let bench: RunnerBench;
beforeEach(async () => {
  bench = await runnerBench();
});
afterEach(() => bench.stop());

const ended = (record: AttemptRecord) => eventually(() => record.results[0], { describe: 'the result', everyMs: 5 });

test('a job: leased, started, steps run and told, log complete with its hash, result acknowledged, nothing left', async () => {
  const record = bench.server.give(bench.steps(['print one', 'print two\nwarn three']));
  const runner = await bench.start();
  const result = await ended(record);
  expect(result).toMatchObject({
    outcome: 'passed',
    steps: [{ status: 'passed', exitCode: 0, logOffset: 0 }, { status: 'passed' }],
  });
  const log = record.log.toString();
  expect(log).toBe('$ print one\none\n$ print two ...\ntwo\nthree\n');
  expect(result.log).toEqual({
    length: record.log.length,
    sha256: createHash('sha256').update(record.log).digest('hex'),
    truncated: false,
  });
  expect(result.steps[1]?.logOffset).toBe(log.indexOf('$ print two'));
  expect(record.started).toBe(1);
  runner.drain();
  await runner.finished;
  expect(bench.executor.present.size).toBe(0);
  expect(readdirSync(join(bench.config.workDir, 'attempts'))).toEqual([]);
});

test('registers once and keeps its token with mode 0600 for the next start', async () => {
  const first = await bench.start();
  const tokenFile = join(bench.config.workDir, 'runner-token');
  expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
  expect(statSync(bench.config.workDir).mode & 0o777).toBe(0o700);
  first.drain();
  await first.finished;
  const record = bench.server.give(bench.steps(['print again']));
  await bench.start();
  await ended(record);
  expect(bench.server.registrations).toEqual(['registration-token']);
});

test('a token the server no longer knows is replaced by registering again', async () => {
  const first = await bench.start();
  first.drain();
  await first.finished;
  bench.server.token = 'new-token';
  const record = bench.server.give(bench.steps(['print again']));
  await bench.start();
  await ended(record);
  expect(bench.server.registrations).toHaveLength(2);
});

test('a second runner with the same work folder is refused until the first has ended; what a crash left is not in the way', async () => {
  mkdirSync(bench.config.workDir);
  // As another program has this number by now.
  writeFileSync(join(bench.config.workDir, 'runner.lock'), `${process.ppid} elsewhere`);
  const first = await bench.start();
  await expect(bench.start()).rejects.toThrow(
    `Another runner (process ${process.pid} on ${hostname()}) uses the work folder ${bench.config.workDir}: give this one a SLUICE_RUNNER_DIR of its own`,
  );
  first.drain();
  await first.finished;
  expect((await bench.start()).state()).toBe('running');
});

test.each([
  ['exit 3', { outcome: 'failed', reason: { code: 'exit-code' }, exitCode: 3 }, 'failed'],
  ['oom', { outcome: 'failed', reason: { code: 'oom' }, exitCode: 137 }, 'failed'],
  ['engine-down', { outcome: 'errored', reason: { code: 'engine' } }, 'errored'],
])('F64 F65 a step that ends with "%s" gives the right outcome and skips the rest', async (run, expected, status) => {
  const record = bench.server.give(bench.steps([run, 'print never']));
  await bench.start();
  const result = await ended(record);
  expect(result).toMatchObject({ ...expected, steps: [{ status }, { status: 'skipped' }] });
  expect(record.log.toString()).not.toContain('never');
});

test.each([
  ['trouble', { outcome: 'errored', reason: { code: 'engine' } }],
  ['unhealthy', { outcome: 'failed', reason: { code: 'service-unhealthy' } }],
])('containers that do not come up (%s) are told apart', async (image, expected) => {
  const record = bench.server.give(bench.steps(['print never'], { image }));
  await bench.start();
  expect(await ended(record)).toMatchObject({ ...expected, steps: [{ status: 'skipped' }] });
});

test('a job and a step that take too long fail with reason timeout', async () => {
  const job = bench.steps(['hang']);
  const first = bench.server.give({ ...job, job: { ...job.job, timeoutSeconds: 0.1 } });
  const second = bench.server.give(
    bench.steps([], { steps: [{ name: 'slow', run: 'hang', env: {}, timeoutSeconds: 0.1 }] }),
  );
  await bench.start();
  expect(await ended(first)).toMatchObject({ outcome: 'failed', reason: { code: 'timeout' } });
  expect(await ended(second)).toMatchObject({
    outcome: 'failed',
    reason: { code: 'timeout', message: expect.stringContaining('"slow"') },
  });
});

test.each([2, -2])(
  'F24 a clock that is %s hours off ends no job and moves no deadline; only the times of the steps are off',
  async (hours) => {
    const now = () => new Date(Date.now() + hours * 3_600_000);
    const passes = bench.server.give(bench.steps(['print fine']));
    const late = bench.steps(['hang']);
    const ends = bench.server.give({ ...late, job: { ...late.job, timeoutSeconds: 0.1 } });
    await bench.start({ now });
    const { outcome, steps } = await ended(passes);
    expect(outcome).toBe('passed');
    expect(Math.abs(Date.parse(steps[0]?.startedAt ?? '') - now().getTime())).toBeLessThan(60_000);
    expect(await ended(ends)).toMatchObject({ outcome: 'failed', reason: { code: 'timeout' } });
  },
);

test('A56 a poll that is one too many waits as long as the server asks, and then goes on', async () => {
  const asked: number[] = [];
  bench.server.fault = (operation, times) => {
    if (operation !== 'poll' || times > 2) return undefined;
    asked.push(performance.now());
    return { status: 429, headers: { 'retry-after': '1' } };
  };
  const record = bench.server.give(bench.steps(['print late']));
  await bench.start();
  expect((await ended(record)).outcome).toBe('passed');
  expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThan(990);
});

test('F61 a cancel reaches the step by the next renewal and gives it its grace', async () => {
  const record = bench.server.give(bench.steps(['print begun\nhang', 'print never']));
  await bench.start();
  await eventually(() => record.log.includes('begun'), { everyMs: 5 });
  record.cancel = true;
  expect(await ended(record)).toMatchObject({
    outcome: 'cancelled',
    steps: [{ status: 'cancelled' }, { status: 'skipped' }],
  });
  expect(record.log.toString()).toContain('got SIGTERM');
});

test('F15 F17 after a lost lease the containers go and nothing more is sent', async () => {
  const grant = bench.steps(['print begun\nhang']);
  const record = bench.server.give(grant);
  const runner = await bench.start();
  await eventually(() => record.log.includes('begun'), { everyMs: 5 });
  bench.server.loseLease(grant.attemptId);
  await eventually(() => bench.executor.present.size === 0, { everyMs: 5 });
  runner.drain();
  await runner.finished;
  expect(record.results).toEqual([]);
  expect(record.log.toString()).not.toContain('got SIGTERM');
  // The one call that learned of it, and at most one that was on its way already.
  expect(record.callsAfterLost.length).toBeLessThanOrEqual(2);
  expect(readdirSync(join(bench.config.workDir, 'attempts'))).toEqual([]);
});

test('F18 each call whose answer is lost is repeated: one lease, one result, no byte twice', async () => {
  const lost = new Set<string>();
  bench.server.fault = (operation) => {
    if (operation === 'register' || lost.has(operation)) return undefined;
    lost.add(operation);
    return 'lose-answer';
  };
  const record = bench.server.give(bench.steps(['print one', 'print two']));
  await bench.start();
  await eventually(() => record.results.length === 2, { everyMs: 5 });
  expect(new Set(bench.server.pollIds.slice(0, 2)).size).toBe(1);
  expect(record.log.toString()).toBe('$ print one\none\n$ print two\ntwo\n');
  expect(record.results[1]).toEqual(record.results[0]);
});

test('F16 while the server is away the job goes on and the spool keeps growing; all arrives afterwards', async () => {
  const record = bench.server.give(bench.steps(['print begun', 'repeat 2000 line', 'print end']));
  bench.server.fault = (operation, times) =>
    operation !== 'poll' && operation !== 'register' && times <= 4 ? 'refuse' : undefined;
  await bench.start();
  const result = await ended(record);
  expect(result.outcome).toBe('passed');
  expect(result.log.length).toBe(record.log.length);
  expect(createHash('sha256').update(record.log).digest('hex')).toBe(result.log.sha256);
});

test('I33 after many 503 answers the runner takes jobs again soon', async () => {
  bench.server.fault = (operation, times) => (operation === 'poll' && times <= 30 ? { status: 503 } : undefined);
  const record = bench.server.give(bench.steps(['print late']));
  await bench.start();
  expect((await ended(record)).outcome).toBe('passed');
});

test('F23 a gap answer makes the upload go back to what the server has', async () => {
  const grant = bench.steps(['print one', 'hang']);
  const record = bench.server.give(grant);
  await bench.start();
  await eventually(() => record.log.includes('one'), { everyMs: 5 });
  record.log = record.log.subarray(0, 5);
  record.cancel = true;
  const result = await ended(record);
  expect(createHash('sha256').update(record.log).digest('hex')).toBe(result.log.sha256);
});

test('I12 no secret of the job reaches the server, also not over chunk borders and both outputs', async () => {
  const secrets = [{ name: 'TOKEN', value: 'hunter2-hunter2' }];
  const record = bench.server.give(
    bench.steps(['env TOKEN\nprint hunter2-hunter2\nwarn xhunter2-hunter2x'], {}, { secrets }),
  );
  await bench.start();
  await ended(record);
  expect(record.log.toString()).not.toContain('hunter2-hunter2');
  expect(record.log.toString()).toContain('TOKEN=');
});

test('a log beyond its limit is cut with a note and the job goes on', async () => {
  const record = bench.server.give(
    bench.steps(['repeat 1000 0123456789', 'print still running'], {}, { log: { maxBytes: 2000, length: 0 } }),
  );
  await bench.start();
  const result = await ended(record);
  expect(result).toMatchObject({ outcome: 'passed', log: { truncated: true } });
  expect(record.log.length).toBeLessThanOrEqual(2000);
  expect(record.log.toString()).toContain('the log is longer than 2000 bytes');
});

test('a step gets the SLUICE_ variables, the job and step variables, and the secrets', async () => {
  const steps = [
    {
      name: 'env',
      run: [
        'CI',
        'SLUICE_COMMIT',
        'SLUICE_REF',
        'SLUICE_BRANCH',
        'SLUICE_RUN_NUMBER',
        'SLUICE_SERVICE',
        'SLUICE_JOB',
        'SLUICE_ATTEMPT',
        'A',
        'B',
      ]
        .map((name) => `env ${name}`)
        .join('\n'),
      env: { B: 'step', SLUICE_JOB: 'faked' },
    },
  ];
  const record = bench.server.give(bench.steps([], { steps, env: { A: 'job', B: 'job' } }));
  await bench.start();
  await ended(record);
  expect(record.log.toString().split('\n').slice(1)).toEqual([
    'CI=true',
    `SLUICE_COMMIT=${bench.commit}`,
    'SLUICE_REF=refs/heads/main',
    'SLUICE_BRANCH=main',
    'SLUICE_RUN_NUMBER=7',
    'SLUICE_SERVICE=catalog',
    'SLUICE_JOB=commit/verify',
    'SLUICE_ATTEMPT=1',
    'A=job',
    'B=step',
    '',
  ]);
});

test('JUnit files that match are sent one by one, also when the tests failed', async () => {
  const run = 'file reports/a.xml <testsuite/>\nfile reports/b.txt no\nfile reports/c.xml <testsuites/>\nexit 1';
  const record = bench.server.give(bench.steps([run], { junit: ['reports/*.xml'] }));
  await bench.start();
  await ended(record);
  expect(record.reports).toEqual([
    { file: 'reports/a.xml', xml: '<testsuite/>' },
    { file: 'reports/c.xml', xml: '<testsuites/>' },
  ]);
});

test('an image job reports repository and digest; a broken build fails with its exit code', async () => {
  const work = {
    kind: 'image',
    context: '.',
    dockerfile: 'Dockerfile',
    repository: 'registry.example.com/catalog',
    args: {},
    platforms: [],
  } as const;
  const good = bench.server.give(bench.grant({ ...work, args: {}, platforms: [] }));
  const bad = bench.server.give(bench.grant({ ...work, dockerfile: 'Broken', args: {}, platforms: [] }));
  await bench.start();
  expect(await ended(good)).toMatchObject({
    outcome: 'passed',
    image: { repository: work.repository, digest: expect.stringMatching(/^sha256:a{64}$/) },
  });
  expect(await ended(bad)).toMatchObject({ outcome: 'failed', reason: { code: 'image-build' }, exitCode: 7 });
});

test('A18 a commit that is not on the named branch is not run', async () => {
  const foreign = bench.push({ 'x.txt': 'x' }, 'other');
  const grant = bench.steps(['print never']);
  const record = bench.server.give({ ...grant, source: { ...grant.source, commit: foreign } });
  await bench.start();
  expect(await ended(record)).toMatchObject({
    outcome: 'errored',
    reason: { code: 'checkout', message: expect.stringContaining('not reachable') },
  });
});

test('F47 drain: the running job is finished with its lease renewed, and no new one is taken', async () => {
  const record = bench.server.give(bench.steps(['print begun\nhang']));
  const runner = await bench.start();
  await eventually(() => record.log.includes('begun'), { everyMs: 5 });
  runner.drain();
  const never = bench.server.give(bench.steps(['print never']));
  const before = record.renewals;
  await eventually(() => record.renewals > before + 3, { everyMs: 5 });
  expect(runner.state()).toBe('draining');
  // No slot had a poll under way to say it with.
  await eventually(() => bench.server.drainingPolls.length === 1, { everyMs: 5 });
  record.cancel = true;
  await runner.finished;
  expect(record.results).toHaveLength(1);
  expect(never.started).toBe(0);
});

test('F47 a drain with a poll in flight asks once more with the same id', async () => {
  const runner = await bench.start();
  await eventually(() => bench.server.pollIds.length === 1, { everyMs: 5 });
  runner.drain();
  await runner.finished;
  expect(bench.server.drainingPolls).toEqual([bench.server.pollIds[0]]);
});

test('F47 the second signal ends the running job with grace as errored', async () => {
  const record = bench.server.give(bench.steps(['print begun\nhang']));
  const runner = await bench.start();
  await eventually(() => record.log.includes('begun'), { everyMs: 5 });
  runner.drain();
  runner.cancel();
  await runner.finished;
  expect(record.results[0]).toMatchObject({ outcome: 'errored', reason: { code: 'runner-stopped' } });
  expect(record.log.toString()).toContain('got SIGTERM');
});

test('F63 something that cannot be removed makes the runner unhealthy: result told, no more work until it is gone', async () => {
  const grant = bench.steps(['print done'], { image: 'stuck' });
  const record = bench.server.give(grant);
  const runner = await bench.start();
  expect((await ended(record)).outcome).toBe('passed');
  await eventually(() => runner.state() === 'unhealthy', { everyMs: 5 });
  const next = bench.server.give(bench.steps(['print next']));
  const sweeps = bench.executor.sweeps;
  await eventually(() => bench.executor.sweeps > sweeps, { everyMs: 5, describe: 'another try to remove it' });
  expect(next.started).toBe(0);
  bench.executor.stuck.clear();
  expect((await ended(next)).outcome).toBe('passed');
  expect(runner.state()).toBe('running');
});

test('F41 below its floor of free disk the runner takes no job, says so again and again, and goes on when there is room', async () => {
  let free = 5 * 2 ** 20;
  const disk = { freeBytes: async () => free, everyMs: 5 };
  const runner = await bench.start({ disk }, { minFreeMiB: 10 });
  const record = bench.server.give(bench.steps(['print late']));
  const said = await eventually(() => bench.server.troubles[0], { everyMs: 5 });
  expect(said).toContain('has 5 MiB left, fewer than the 10');
  expect(runner.state()).toBe('unhealthy');
  expect(record.started).toBe(0);
  free = 10 * 2 ** 20;
  expect((await ended(record)).outcome).toBe('passed');
  expect(runner.state()).toBe('running');
});

test('F41 the free space is that of the disk: a floor above all disks keeps the runner from work', async () => {
  const runner = await bench.start({}, { minFreeMiB: 2 ** 40 });
  const said = await eventually(() => bench.server.troubles[0], { everyMs: 5 });
  expect(said).toContain(`fewer than the ${2 ** 40}`);
  expect(runner.state()).toBe('unhealthy');
});

test('a runner for one job ends by itself when the job is done', async () => {
  const first = bench.server.give(bench.steps(['print only']));
  const second = bench.server.give(bench.steps(['print never']));
  const runner = await bench.start({}, { once: true });
  await runner.finished;
  expect(first.results).toMatchObject([{ outcome: 'passed' }]);
  expect(second.started).toBe(0);
});

test('two slots run two jobs at a time on one mirror', async () => {
  const jobs = [bench.steps(['print a\nhang']), bench.steps(['print b\nhang'])].map((grant) =>
    bench.server.give(grant),
  );
  await bench.start({}, { slots: 2 });
  await eventually(() => jobs.every(({ log }) => log.length > 10), { everyMs: 5 });
  for (const job of jobs) job.cancel = true;
  await Promise.all(jobs.map(ended));
  expect(readdirSync(join(bench.config.workDir, 'mirrors')).filter((name) => name.endsWith('.git'))).toHaveLength(1);
  expect(existsSync(join(bench.config.workDir, 'mirrors', 'home'))).toBe(true);
});
