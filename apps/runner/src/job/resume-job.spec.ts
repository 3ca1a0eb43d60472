import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, removeRunnerLeftovers } from '@sluice/testing';
import type { DockerEngine } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { ATTEMPT_LABEL } from '../executor/docker/docker-names.ts';
import { runQuietly } from '../executor/docker/run-in-container.ts';
import type { AttemptRecord } from '../testing/fake-server.ts';
import { engineWithImages, type EngineWithImages } from '../testing/engine-with-images.ts';
import type { RunnerBench } from '../testing/runner-bench.ts';
import { runnerBench } from '../testing/runner-bench.ts';
import { RunnerProgram } from '../testing/runner-program.ts';

const PATIENCE = { timeoutMs: 100_000, everyMs: 20 } as const;
let parts: EngineWithImages<'base/busybox:1'>;
let engine: DockerEngine;
let busybox: string;
let bench: RunnerBench;
const programs: RunnerProgram[] = [];

beforeAll(async () => {
  parts = await engineWithImages('base/busybox:1');
  engine = parts.engine;
  busybox = parts.images['base/busybox:1'];
}, 300_000);
afterAll(() => parts.stop());
beforeEach(async () => {
  bench = await runnerBench();
});
afterEach(async () => {
  // In order, so that they take their networks with them.
  await Promise.all(programs.splice(0).map((program) => program.end('SIGTERM')));
  const identity = readFileSync(join(bench.config.workDir, 'identity'), 'utf8').trim();
  await bench.stop();
  const left = await removeRunnerLeftovers(engine.docker, identity);
  if (left.length > 0) throw new Error(`The test leaves in the engine: ${left.join(', ')}`);
}, 60_000);

function startRunner(): RunnerProgram {
  const program = new RunnerProgram(bench, engine.address);
  programs.push(program);
  return program;
}

const ended = (record: AttemptRecord) => eventually(() => record.results[0], { ...PATIENCE, describe: 'the result' });
const printed = (record: AttemptRecord, text: string) =>
  eventually(() => record.log.includes(text), { ...PATIENCE, describe: `${text} in the log` });
const containers = (attemptId: string) =>
  engine.docker.listContainers({ all: true, filters: { label: [`${ATTEMPT_LABEL}=${attemptId}`] } });
const removed = (attemptId: string) =>
  eventually(async () => (await containers(attemptId)).length === 0, { ...PATIENCE, describe: 'nothing left' });
const inJob = async (attemptId: string, command: string) => {
  const [job] = await containers(attemptId);
  return (await runQuietly(engine.docker.getContainer(job?.Id ?? ''), ['sh', '-c', command])) === 0;
};
const fileIn = (attemptId: string, path: string) => inJob(attemptId, `[ -e ${path} ]`);

test('F13 a runner killed in mid-step takes the job up again under the same lease: no step twice, no byte lost or doubled, no secret shown', async () => {
  const count =
    'echo begun >> ran; i=0; while [ $i -lt 60 ]; do echo "out $i $TOKEN"; echo "err $i" >&2; i=$((i+1)); sleep 0.1; done';
  const secrets = [{ name: 'TOKEN', value: 'hunter2-hunter2' }];
  const grant = bench.steps(['echo zero', count, 'cat ran'], { image: busybox }, { secrets });
  const record = bench.server.give(grant);
  for (const line of ['out 3 ', 'out 20 ']) {
    const runner = startRunner();
    await printed(record, line);
    await runner.end('SIGKILL');
  }
  startRunner();
  const result = await ended(record);
  const counted = Array.from({ length: 60 }, (_, at) => `out ${at} [masked:TOKEN]\nerr ${at}\n`).join('');
  const expected = `$ echo zero\nzero\n$ ${count}\n${counted}$ cat ran\nbegun\n`;
  const mask = /\nout 0 (.*)\n/.exec(record.log.toString())?.[1] ?? '';
  expect(mask).not.toContain('hunter2');
  expect(record.log.toString()).toBe(expected.replaceAll('[masked:TOKEN]', mask));
  expect(result).toMatchObject({
    outcome: 'passed',
    steps: [
      { status: 'passed' },
      { status: 'passed' },
      { status: 'passed', logOffset: record.log.indexOf('$ cat ran') },
    ],
    log: { length: record.log.length, sha256: createHash('sha256').update(record.log).digest('hex') },
  });
  expect(record).toMatchObject({ resumed: 2, epoch: 1 });
  await removed(grant.attemptId);
  await eventually(() => readdirSync(join(bench.config.workDir, 'attempts')).length === 0, PATIENCE);
}, 300_000);

test('F13 a step that ended while no runner lived keeps its output and exit code, and is not run again', async () => {
  const grant = bench.steps(
    ['echo begun >> ran; echo one; sleep 2; cat ran; printf two; touch over; exit 3', 'echo never'],
    { image: busybox },
  );
  const record = bench.server.give(grant);
  const runner = startRunner();
  await printed(record, '\none\n');
  await runner.end('SIGKILL');
  await eventually(() => fileIn(grant.attemptId, '/workspace/services/catalog/over'), PATIENCE);
  startRunner();
  expect(await ended(record)).toMatchObject({
    outcome: 'failed',
    reason: { code: 'exit-code' },
    exitCode: 3,
    steps: [{ status: 'failed', exitCode: 3 }, { status: 'skipped' }],
  });
  expect(record.log.toString()).toContain('\none\nbegun\ntwo[sluice] Step "step 1" ended with exit code 3.\n');
  await removed(grant.attemptId);
}, 300_000);

test('F13 F69 a job whose lease has ended, whose secret was changed, or whose step cannot be found again is not taken up; its containers go', async () => {
  const hang = 'echo begun; sleep 300';
  const secrets = [{ name: 'TOKEN', value: 'hunter2-hunter2' }];
  const cases = [
    { grant: bench.steps([hang], { image: busybox }), says: '\nbegun\n' },
    { grant: bench.steps([hang], { image: busybox }, { secrets }), says: '\nbegun\n' },
    {
      grant: bench.steps(
        ['echo here; until [ -e /go ]; do sleep 0.1; done; rm /.sluice-*.out; touch /gone; sleep 300'],
        {
          image: busybox,
        },
      ),
      says: '\nhere\n',
    },
  ];
  for (const [index, { grant, says }] of cases.entries()) {
    const record = bench.server.give(grant);
    const first = startRunner();
    await printed(record, says);
    // What it printed is read from the copy, so it may lose that only now.
    if (index === 2) {
      await inJob(grant.attemptId, 'touch /go');
      await eventually(() => inJob(grant.attemptId, '[ -e /gone ]'), { ...PATIENCE, describe: 'the loss of the copy' });
    }
    await first.end('SIGKILL');
    if (index === 0) bench.server.loseLease(grant.attemptId);
    if (index === 1) record.grant = { ...record.grant, secrets: [{ name: 'TOKEN', value: 'changed-value' }] };
    const second = startRunner();
    if (index > 0) {
      const result = await ended(record);
      expect(result, record.log.toString()).toMatchObject({ outcome: 'errored', reason: { code: 'runner-restarted' } });
      expect(result.steps.at(-1)).toMatchObject({ status: 'errored' });
    }
    await removed(grant.attemptId);
    if (index === 0) expect(record.results).toEqual([]);
    await second.end('SIGTERM');
  }
}, 300_000);

test('F15 a runner that was frozen for longer than its lease ends the container and says nothing more', async () => {
  const grant = bench.steps(['echo begun; while :; do echo more; sleep 0.1; done'], { image: busybox });
  const record = bench.server.give(grant);
  const runner = startRunner();
  await printed(record, 'more');
  runner.send('SIGSTOP');
  bench.server.loseLease(grant.attemptId);
  const had = record.log.toString();
  runner.send('SIGCONT');
  await removed(grant.attemptId);
  const next = bench.server.give(bench.steps(['echo next'], { image: busybox }));
  expect((await ended(next)).outcome).toBe('passed');
  expect(record.results).toEqual([]);
  expect(record.log.toString()).toBe(had);
}, 120_000);
