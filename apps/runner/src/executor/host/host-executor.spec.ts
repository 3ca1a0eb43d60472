import { existsSync, readdirSync, rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LeaseGrant } from '@sluice/protocol';
import { eventually, startDockerEngine } from '@sluice/testing';
import type { DockerEngine } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { pino } from 'pino';
import type { RunnerDeps } from '../../start-runner.ts';
import type { AttemptRecord } from '../../testing/fake-server.ts';
import type { RunnerBench } from '../../testing/runner-bench.ts';
import { runnerBench } from '../../testing/runner-bench.ts';
import { RunnerProgram } from '../../testing/runner-program.ts';
import { HostExecutor } from './host-executor.ts';
import { findMarked } from './host-processes.ts';

const PATIENCE = { timeoutMs: 60_000, everyMs: 20 } as const;
const state = mkdtempSync(join(tmpdir(), 'sluice-host-executor-'));
const programs: RunnerProgram[] = [];
let engine: DockerEngine;
let bench: RunnerBench;

beforeAll(async () => {
  engine = await startDockerEngine({ stateDir: state });
}, 300_000);
afterAll(async () => {
  await engine.stop();
  rmSync(state, { recursive: true, force: true });
});
beforeEach(async () => {
  bench = await runnerBench();
});
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.end('SIGTERM')));
  await bench.stop();
}, 60_000);

const root = () => join(bench.config.workDir, 'host');
const onHost = (enabled = true): RunnerDeps => ({
  executor: (runner) => new HostExecutor({ root: root(), runner, enabled }),
  logger: pino({ level: process.env['SLUICE_TEST_LOG'] ?? 'silent' }),
  graceMs: 2000,
});
const job = (
  runs: readonly string[],
  change: Parameters<RunnerBench['steps']>[1] = {},
  grant: Partial<LeaseGrant> = {},
) => bench.steps(runs, { image: undefined, ...change }, grant);
const ended = (record: AttemptRecord) => eventually(() => record.results[0], { ...PATIENCE, describe: 'the result' });
const printed = (record: AttemptRecord, text: string) =>
  eventually(() => record.log.includes(text), { ...PATIENCE, describe: `${text} in the log` });
const processesOf = ({ attemptId }: LeaseGrant) => findMarked((mark) => mark.includes(attemptId));
const nothingLeft = (grant: LeaseGrant) =>
  eventually(
    async () => (await processesOf(grant)).length === 0 && (!existsSync(root()) || readdirSync(root()).length === 0),
    {
      ...PATIENCE,
      describe: 'nothing left of the attempt',
    },
  );

/** By default with the setting on. */
function startProgram(host = 'true'): RunnerProgram {
  const env = { SLUICE_RUNNER_HOST_EXECUTOR: host, OF_THE_RUNNER: 'not for jobs' };
  const program = new RunnerProgram(bench, engine.address, env);
  programs.push(program);
  return program;
}

test('steps run in the service folder of the checkout, share the workspace, and leave nothing behind (I31, A88)', async () => {
  const grant = job([
    'cat hello.txt; basename "$(pwd)"; echo more > made.txt; echo kept > "$HOME/x"; echo kept > "$TMPDIR/y"',
    'cat made.txt "$HOME/x" "$TMPDIR/y"; sleep 1000 & echo left a daemon',
    'setsid sh -c "sleep 1000; :" & env -i sleep 1000 & (env -i setsid sleep 1000 & sleep 1000) & echo and some that hide',
  ]);
  const record = bench.server.give(grant);
  await bench.start(onHost());
  expect(await ended(record)).toMatchObject({ outcome: 'passed' });
  expect(record.log.toString()).toContain('hello\ncatalog\n');
  expect(record.log.toString()).toContain('more\nkept\nkept\nleft a daemon\n');
  await nothingLeft(grant);
});

test('A27 A28 a step has what a job has in a container, and nothing of the runner; its text is never spliced', async () => {
  const grant = job(
    ['env | sort', 'printf "%s\\n" "$MESSAGE" "$TOKEN"'],
    { env: { MESSAGE: '$(touch spliced); "`id`' } },
    { secrets: [{ name: 'TOKEN', value: 'correct-horse-battery' }] },
  );
  const record = bench.server.give(grant);
  startProgram();
  expect(await ended(record)).toMatchObject({ outcome: 'passed' });
  const log = record.log.toString();
  const names = new Set([...log.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name));
  const ours = ['ATTEMPT', 'BRANCH', 'COMMIT', 'HOST_ATTEMPT', 'JOB', 'OUTPUT', 'REF', 'RUN_NUMBER', 'SERVICE'];
  expect(names).toEqual(
    new Set(['CI', 'HOME', 'MESSAGE', 'PATH', 'PWD', 'TMPDIR', 'TOKEN', ...ours.map((name) => `SLUICE_${name}`)]),
  );
  expect(log).toContain('$(touch spliced); "`id`\n');
  expect(log).not.toContain('correct-horse');
  expect(log).not.toContain('not for jobs');
});

test('F61 a cancel sends SIGTERM to everything of the attempt, waits for its grace, and kills what ignores it', async () => {
  const grant = job([
    `trap 'echo tidying; sleep 0.2; echo tidy; exit 0' TERM; sh -c 'trap "" TERM; while :; do sleep 1; done' & echo ready; while :; do sleep 0.1; done`,
  ]);
  const record = bench.server.give(grant);
  await bench.start(onHost());
  await printed(record, '\nready\n');
  record.cancel = true;
  expect(await ended(record)).toMatchObject({ outcome: 'cancelled' });
  expect(record.log.toString()).toContain('tidying\ntidy\n');
  await nothingLeft(grant);
});

test('a step that takes too long fails with reason timeout, and what it started has ended when the next one begins', async () => {
  const grant = job(['', 'pgrep -f "sleep 98765" || echo alone']);
  if (grant.work.kind === 'steps') {
    grant.work.steps[0] = { name: 'slow', run: 'trap "" TERM; sleep 98765', env: {}, timeoutSeconds: 0.3 };
    grant.work.steps[1]!.when = 'always';
  }
  const record = bench.server.give(grant);
  await bench.start(onHost());
  expect(await ended(record)).toMatchObject({ outcome: 'failed', reason: { code: 'timeout' } });
  expect(record.log.toString()).toContain('alone\n');
});

test('exit codes, outputs and JUnit files are those of the steps; a link out of the workspace is not followed', async () => {
  const grant = job(
    [
      'mkdir -p reports; echo "<testsuite/>" > reports/a.xml; ln -s /etc/passwd reports/b.xml; echo "version=1.2" >> "$SLUICE_OUTPUT"',
      'echo out; echo err >&2; exit 7',
    ],
    { junit: ['reports/*.xml'], outputs: ['version'] },
  );
  const record = bench.server.give(grant);
  await bench.start(onHost());
  expect(await ended(record)).toMatchObject({ outcome: 'failed', exitCode: 7, reason: { code: 'exit-code' } });
  expect(record.log.toString()).toContain('out\nerr\n');
  expect(record.reports).toEqual([{ file: 'reports/a.xml', xml: '<testsuite/>\n' }]);
});

test('A60 a cache of files of every kind comes back as it was, from below the service folder alone', async () => {
  const cache = [{ key: 'deps', files: ['hello.txt'], paths: ['deps'] }];
  const limits = { artifactBytes: 10_000_000, cacheBytes: 10_000_000 };
  const first = bench.server.give(
    job(
      [
        'mkdir -p deps/bin; echo "echo hi" > deps/bin/tool; chmod +x deps/bin/tool; ln -s bin/tool deps/link; echo x > not-kept',
      ],
      {
        cache,
        limits,
      },
    ),
  );
  await bench.start(onHost());
  expect(await ended(first)).toMatchObject({ outcome: 'passed' });
  const second = bench.server.give(
    job(['sh deps/link; test -x deps/bin/tool; test ! -e not-kept; readlink deps/link'], { cache, limits }),
  );
  expect(await ended(second)).toMatchObject({ outcome: 'passed' });
  expect(second.log.toString()).toContain('hi\n');
});

test('an untrusted run, and any job while the executor is off, never begins (I24)', async () => {
  const untrusted = job(['touch /tmp/never']);
  const record = bench.server.give({ ...untrusted, run: { ...untrusted.run, trust: 'untrusted' } });
  const runner = await bench.start(onHost());
  expect(await ended(record)).toMatchObject({
    outcome: 'errored',
    reason: { code: 'host' },
    steps: [{ status: 'skipped' }],
  });
  runner.drain();
  await runner.finished;
  const off = bench.server.give(job(['touch /tmp/never']));
  await bench.start(onHost(false));
  expect(await ended(off)).toMatchObject({
    outcome: 'errored',
    reason: { code: 'host', message: expect.stringContaining('SLUICE_RUNNER_HOST_EXECUTOR=true') as string },
  });
});

test('F13 a runner killed in mid-step takes the job up again: no step twice, no byte lost or doubled, no secret shown', async () => {
  const grant = job(
    ['echo "begun $TOKEN"; i=1; while [ $i -le 60 ]; do echo line $i; sleep 0.05; i=$((i+1)); done', 'echo over'],
    {},
    {
      secrets: [{ name: 'TOKEN', value: 'correct-horse-battery' }],
      expiresAt: new Date(Date.now() + 600_000).toISOString(),
    },
  );
  const record = bench.server.give(grant);
  const first = startProgram();
  await printed(record, 'line 5\n');
  await first.end('SIGKILL');
  const second = startProgram();
  await printed(record, 'line 20\n');
  await second.end('SIGKILL');
  // It ends while nobody is there.
  await eventually(async () => (await processesOf(grant)).length === 0, {
    ...PATIENCE,
    describe: 'the end of the step',
  });
  startProgram();
  expect(await ended(record)).toMatchObject({ outcome: 'passed', steps: [{ status: 'passed' }, { status: 'passed' }] });
  const log = record.log.toString();
  expect(log.match(/^begun/gm)).toHaveLength(1);
  expect([...log.matchAll(/line (\d+)/g)].map(([, n]) => Number(n))).toEqual(
    Array.from({ length: 60 }, (_, i) => i + 1),
  );
  expect(log).not.toContain('correct-horse');
  expect(log).toContain('over\n');
  await nothingLeft(grant);
});

test('F13 I31 a runner that comes back without the executor ends what is left and says so', async () => {
  const grant = job(['sleep 1000 & echo ready; sleep 1000']);
  const record = bench.server.give(grant);
  const first = startProgram();
  await printed(record, '\nready\n');
  await first.end('SIGKILL');
  expect((await processesOf(grant)).length).toBeGreaterThan(1);
  startProgram('false');
  expect(await ended(record)).toMatchObject({ outcome: 'errored', reason: { code: 'runner-restarted' } });
  await nothingLeft(grant);
});
