import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '@sluice/testing';
import type { DockerEngine } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { pino } from 'pino';
import type { AttemptRecord } from '../../testing/fake-server.ts';
import { engineWithImages, type EngineWithImages } from '../../testing/engine-with-images.ts';
import type { RunnerBench } from '../../testing/runner-bench.ts';
import { runnerBench } from '../../testing/runner-bench.ts';
import { RunnerProgram } from '../../testing/runner-program.ts';
import { DockerExecutor } from './docker-executor.ts';
import { RUNNER_LABEL } from './docker-names.ts';
import { DEFAULT_JOB_SUBNETS } from './job-subnets.ts';
import { MetadataDenial } from './metadata-denial.ts';
import { NetworkShelf } from './network-shelf.ts';
import { WarmShelf } from './warm-shelf.ts';

const PATIENCE = { timeoutMs: 60_000, everyMs: 20 } as const;
let parts: EngineWithImages<'base/busybox:1'>;
let engine: DockerEngine;
let busybox: string;
let bench: RunnerBench;

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
  const identity = readFileSync(join(bench.config.workDir, 'identity'), 'utf8').trim();
  await bench.stop();
  const left = await everything(identity);
  if (left.length > 0) throw new Error(`The test leaves in the engine: ${left.join(', ')}`);
}, 60_000);

async function everything(runner: string): Promise<string[]> {
  const filters = { label: [`${RUNNER_LABEL}=${runner}`] };
  const [containers, networks, { Volumes: volumes }] = await Promise.all([
    engine.docker.listContainers({ all: true, filters }),
    engine.docker.listNetworks({ filters }),
    engine.docker.listVolumes({ filters }),
  ]);
  return [
    ...containers.flatMap((container) => container.Names),
    ...networks.map(({ Name }) => Name),
    ...volumes.map(({ Name }) => Name),
  ];
}

function start(sweepEveryMs = 60_000, config: Parameters<RunnerBench['start']>[1] = {}) {
  return bench.start(
    {
      executor: (runner) =>
        new DockerExecutor({ docker: engine.docker, runner, internalNetwork: false, warmContainers: 1 }),
      logger: pino({ level: 'silent' }),
      graceMs: 2000,
      sweepEveryMs,
    },
    config,
  );
}

const identity = () => readFileSync(join(bench.config.workDir, 'identity'), 'utf8').trim();
const ended = (record: AttemptRecord) => eventually(() => record.results[0], { ...PATIENCE, describe: 'the result' });
const give = (run: string, change: Parameters<RunnerBench['steps']>[1] = {}) =>
  bench.server.give(bench.steps([run], { image: busybox, ...change }));
async function waiting(): Promise<string | undefined> {
  const filters = { label: [`${RUNNER_LABEL}=${identity()}`] };
  const found = await engine.docker.listContainers({ filters });
  return found.find(({ Names, State }) => State === 'running' && Names[0]?.startsWith('/sluice-warm-'))?.Id;
}
const warmed = () => eventually(waiting, { ...PATIENCE, describe: 'a container that waits' });
const idOf = async (attemptId: string) => (await engine.docker.getContainer(`sluice-${attemptId}-1`).inspect()).Id;

async function warmedUp(image = busybox): Promise<string> {
  for (const run of ['echo first > /left; echo first > left', 'ls']) {
    expect((await ended(give(run, { image }))).outcome).toBe('passed');
  }
  return warmed();
}

test('a job whose image was used before gets a container that waits already, with nothing of an earlier job in it, and takes it along', async () => {
  const runner = await start(20);
  const id = await warmedUp();
  const grant = bench.steps(['[ ! -e /left ] && [ ! -e left ] && cat hello.txt; echo begun; sleep 100'], {
    image: busybox,
  });
  const record = bench.server.give(grant);
  await eventually(() => record.log.includes('begun\n'), PATIENCE);
  expect(record.log.toString()).toContain('hello\n');
  expect(await idOf(grant.attemptId)).toBe(id);
  record.cancel = true;
  await ended(record);
  await eventually(async () => {
    const next = await waiting();
    return next !== undefined && next !== id;
  }, PATIENCE);
  runner.drain();
  await runner.finished;
}, 120_000);

test('A85 a job with other limits gets a container with its own', async () => {
  await start();
  const id = await warmedUp();
  const grant = bench.steps(['echo begun; sleep 100'], {
    image: busybox,
    resources: { cpus: 0.5, memoryMiB: 64, pids: 50 },
  });
  const record = bench.server.give(grant);
  await eventually(() => record.log.includes('begun\n'), PATIENCE);
  const { Id, HostConfig } = await engine.docker.getContainer(`sluice-${grant.attemptId}-1`).inspect();
  expect({ ...HostConfig, Id }).toMatchObject({ Memory: 64 * 2 ** 20, PidsLimit: 50, NanoCpus: 5e8 });
  expect(Id).not.toBe(id);
  record.cancel = true;
  await ended(record);
}, 120_000);

test('an image that a tag means by now is the one that runs', async () => {
  const runner = await start();
  const [repo, name] = ['127.0.0.1:1/moving', bench.commit];
  const tag = `${repo}:${name}`;
  await engine.docker.getImage(busybox).tag({ repo, tag: name });
  const id = await warmedUp(tag);
  const changed = await engine.docker.getContainer(id).commit({ repo, tag: name, changes: 'ENV GENERATION=2' });
  const record = give('echo "[$GENERATION]"', { image: tag });
  expect((await ended(record)).outcome).toBe('passed');
  expect(record.log.toString()).toContain('[2]\n');
  runner.drain();
  await runner.finished;
  await engine.docker.getImage((changed as { Id: string }).Id).remove({ force: true });
}, 120_000);

test.each(['remove', 'stop'] as const)(
  'one that an operator had the engine %s is replaced',
  async (act) => {
    await start();
    const container = engine.docker.getContainer(await warmedUp());
    await (act === 'remove' ? container.remove({ force: true }) : container.stop({ t: 0 }));
    expect(await ended(give('ls'))).toMatchObject({ outcome: 'passed' });
  },
  120_000,
);

test('F13 a job in one that had waited is taken up by the next process of the runner', async () => {
  const env = { SLUICE_RUNNER_WARM_CONTAINERS: '1' };
  let program = new RunnerProgram(bench, engine.address, env);
  await eventually(() => bench.server.openPolls > 0, PATIENCE);
  const id = await warmedUp();
  const grant = bench.steps(['echo begun; until [ -e go ]; do sleep 0.1; done; echo over'], { image: busybox });
  const record = bench.server.give(grant);
  await eventually(() => record.log.includes('begun\n'), PATIENCE);
  await program.end('SIGKILL');
  program = new RunnerProgram(bench, engine.address, env);
  await eventually(() => bench.server.openPolls > 0 || record.results.length > 0, PATIENCE);
  expect(await idOf(grant.attemptId)).toBe(id);
  const exec = await engine.docker.getContainer(id).exec({ Cmd: ['touch', '/workspace/services/catalog/go'] });
  await exec.start({ Detach: true });
  expect((await ended(record)).outcome).toBe('passed');
  expect(record.log.toString()).toContain('over\n');
  await program.end('SIGTERM');
}, 120_000);

test('F13 I31 what waited when the runner died is swept', async () => {
  const program = new RunnerProgram(bench, engine.address, { SLUICE_RUNNER_WARM_CONTAINERS: '1' });
  await eventually(() => bench.server.openPolls > 0, PATIENCE);
  const id = await warmedUp();
  await program.end('SIGKILL');
  await start();
  await eventually(async () => (await everything(identity())).length === 0, PATIENCE);
  await expect(engine.docker.getContainer(id).inspect()).rejects.toMatchObject({ statusCode: 404 });
}, 120_000);

/** A failed job in the container that waited, which is kept. */
async function kept(): Promise<{ readonly record: AttemptRecord; readonly id: string }> {
  const id = await warmedUp();
  const grant = bench.steps(
    ['echo mine > /left; echo mine > left; exit 3'],
    { image: busybox },
    { keep: { minutes: 5 } },
  );
  const record = bench.server.give(grant);
  await eventually(() => record.keeping.asked > 0, { ...PATIENCE, describe: 'the question whether to keep' });
  expect(await idOf(grant.attemptId)).toBe(id);
  return { record, id };
}

test('I31: one that is kept serves no other job, is swept by nobody, counts as kept and not as waiting, and goes at its end', async () => {
  const runner = await start(20, { keptJobs: 1 });
  const { record, id } = await kept();
  // More than once: the first may find none that waits, those behind it get what was started for them.
  for (const run of ['[ ! -e /left ] && [ ! -e left ] && ls', '[ ! -e /left ] && [ ! -e left ] && cat hello.txt']) {
    const grant = bench.steps([run], { image: busybox });
    expect((await ended(bench.server.give(grant))).outcome).toBe('passed');
    expect(await warmed()).not.toBe(id);
  }
  const second = bench.server.give(bench.steps(['exit 3'], { image: busybox }, { keep: { minutes: 5 } }));
  await ended(second);
  expect(second.log.toString()).toContain('The container is not kept: this runner keeps 1 already');
  expect(second.keeping.asked).toBe(0);
  expect((await engine.docker.getContainer(id).inspect()).State.Running).toBe(true);
  record.keeping.over = true;
  await eventually(() => record.keeping.ended[0], { ...PATIENCE, describe: 'the end of the keeping' });
  await expect(engine.docker.getContainer(id).inspect()).rejects.toMatchObject({ statusCode: 404 });
  expect(await warmed()).not.toBe(id);
  // Its place is free again.
  const third = bench.server.give(bench.steps(['exit 3'], { image: busybox }, { keep: { minutes: 5 } }));
  await eventually(() => third.keeping.asked > 0, { ...PATIENCE, describe: 'the next one to be kept' });
  runner.drain();
  await runner.finished;
  expect(third.keeping.ended).toEqual(['runner-stopped']);
}, 120_000);

test('F13 I31: one that had waited and is kept is swept when the runner died', async () => {
  const program = new RunnerProgram(bench, engine.address, { SLUICE_RUNNER_WARM_CONTAINERS: '1' });
  await eventually(() => bench.server.openPolls > 0, PATIENCE);
  const { record, id } = await kept();
  await program.end('SIGKILL');
  expect((await engine.docker.getContainer(id).inspect()).State.Running).toBe(true);
  await start();
  await eventually(async () => (await everything(identity())).length === 0, PATIENCE);
  await expect(engine.docker.getContainer(id).inspect()).rejects.toMatchObject({ statusCode: 404 });
  expect(record.results).toHaveLength(1);
}, 120_000);

test('the image that was not asked for longest makes room, and none is kept for ever', async () => {
  await start();
  const runner = identity();
  const networks = new NetworkShelf({
    docker: engine.docker,
    runner,
    internalNetwork: false,
    subnets: DEFAULT_JOB_SUBNETS,
    most: 0,
  });
  const shelf = new WarmShelf({
    docker: engine.docker,
    runner,
    networks,
    metadata: new MetadataDenial(false),
    nameServers: [],
    most: 1,
    // Long enough for a busy engine to remove the one before.
    keptMs: 15_000,
  });
  const order = (pids: number) => ({ image: busybox, resources: { cpus: 1, memoryMiB: 64, pids } });
  const limitOfTheOne = async (): Promise<number | undefined> => {
    const [id, all] = await Promise.all([waiting(), everything(runner)]);
    // Container, network and volume.
    if (id === undefined || all.length !== 3) return undefined;
    return (await engine.docker.getContainer(id).inspect()).HostConfig.PidsLimit ?? undefined;
  };
  for (const pids of [50, 51]) {
    shelf.used(order(pids));
    shelf.used(order(pids));
    await eventually(async () => (await limitOfTheOne()) === pids, { ...PATIENCE, describe: `the one with ${pids}` });
  }
  await eventually(async () => (await everything(runner)).length === 0, PATIENCE);
  expect(await everything(runner)).toEqual([]);
  await shelf.close();
}, 120_000);
