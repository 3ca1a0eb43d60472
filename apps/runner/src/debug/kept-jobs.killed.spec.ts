import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { eventually, provideBaseImages, startDockerEngine, startRegistry } from '@sluice/testing';
import type { DockerEngine, Registry } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { ATTEMPT_LABEL, RUNNER_LABEL } from '../executor/docker/docker-names.ts';
import type { RunnerBench } from '../testing/runner-bench.ts';
import { runnerBench } from '../testing/runner-bench.ts';
import { RunnerProgram } from '../testing/runner-program.ts';

const PATIENCE = { timeoutMs: 60_000, everyMs: 20 } as const;
const state = mkdtempSync(join(tmpdir(), 'sluice-kept-killed-'));
let engine: DockerEngine;
let registry: Registry;
let busybox: string;
let bench: RunnerBench;

beforeAll(async () => {
  engine = await startDockerEngine({ stateDir: state });
  registry = await startRegistry({ dataDir: join(state, 'registry') });
  const images = await provideBaseImages({ docker: engine.docker, registry, only: ['base/busybox:1'] });
  busybox = images[0]?.reference ?? '';
}, 300_000);
afterAll(async () => {
  await engine.docker.getImage(busybox).remove({ force: true });
  await registry.stop();
  await engine.stop();
  rmSync(state, { recursive: true, force: true });
});
beforeEach(async () => {
  bench = await runnerBench();
});
afterEach(() => bench.stop());

/** All that the runner has in the engine. */
async function everything(): Promise<number> {
  const runner = readFileSync(join(bench.config.workDir, 'identity'), 'utf8').trim();
  const filters = { label: [`${RUNNER_LABEL}=${runner}`] };
  const [containers, networks, { Volumes: volumes }] = await Promise.all([
    engine.docker.listContainers({ all: true, filters }),
    engine.docker.listNetworks({ filters }),
    engine.docker.listVolumes({ filters }),
  ]);
  return containers.length + networks.length + volumes.length;
}

test.each([
  ['its result was taken and it does not know', 'result', 'lose-answer', { results: 2, asked: 0 }],
  [
    'it knows that its result was taken, and before it asks whether to keep',
    'keep',
    'refuse',
    { results: 1, asked: 0 },
  ],
  ['the keeping is granted and it does not know', 'keep', 'lose-answer', { results: 1, asked: 1 }],
  ['the keeping is granted, and before it asks for orders', 'keep/orders', 'refuse', { results: 1, asked: 1 }],
  ['a shell has said something and it does not know', 'keep/output', 'lose-answer', { results: 1, asked: 1 }],
  ['the container is removed, and before it tells', 'keep/ended', 'refuse', { results: 1, asked: 1 }],
] as const)(
  'F13 I31: killed when %s, a runner leaves nothing, keeps nothing on, and its result stands',
  async (_, operation, fault, { results, asked }) => {
    let program = new RunnerProgram(bench, engine.address);
    let isKilled = false;
    bench.server.fault = (call) => {
      if (call !== operation || isKilled) return undefined;
      isKilled = true;
      program.send('SIGKILL');
      return fault;
    };
    const record = bench.server.give(bench.steps(['exit 3'], { image: busybox }, { keep: { minutes: 5 } }));
    if (operation === 'keep/output')
      record.keeping.orders.push({
        sequence: 1,
        shellId: randomUUID(),
        order: { kind: 'open', columns: 80, rows: 24 },
      });
    record.keeping.over = operation === 'keep/ended';
    await eventually(() => isKilled, { ...PATIENCE, describe: `the call ${operation}` });
    await program.end('SIGKILL');
    const left = await everything();
    if (operation !== 'keep/ended') expect(left).toBeGreaterThan(0);

    program = new RunnerProgram(bench, engine.address);
    await eventually(() => bench.server.openPolls > 0, { ...PATIENCE, describe: 'the runner to be back' });
    await eventually(async () => (await everything()) === 0, { ...PATIENCE, describe: 'everything to be removed' });
    expect(record.results).toHaveLength(results);
    expect(new Set(record.results.map((result) => JSON.stringify(result))).size).toBe(1);
    expect(record.results[0]).toMatchObject({ outcome: 'failed', exitCode: 3 });
    expect(record.keeping).toMatchObject({ asked, ended: [] });
    await program.end('SIGTERM');
  },
  120_000,
);

test('F13 I31: killed in the middle of the removal, a runner leaves nothing of it to its next process', async () => {
  let program = new RunnerProgram(bench, engine.address);
  const record = bench.server.give(bench.steps(['exit 3'], { image: busybox }, { keep: { minutes: 5 } }));
  await eventually(() => record.keeping.asked > 0, { ...PATIENCE, describe: 'the question whether to keep' });
  const filters = { type: ['container'], event: ['die'], label: [`${ATTEMPT_LABEL}=${record.grant.attemptId}`] };
  const events = await engine.docker.getEvents({ filters: JSON.stringify(filters) });
  // The engine tells when the container is dead: its volume and its network are still there.
  const killed = new Promise<void>((resolve) => {
    events.once('data', () => {
      program.send('SIGKILL');
      resolve();
    });
  });
  record.keeping.over = true;
  await killed;
  await program.end('SIGKILL');
  (events as Readable).destroy();

  program = new RunnerProgram(bench, engine.address);
  await eventually(() => bench.server.openPolls > 0, { ...PATIENCE, describe: 'the runner to be back' });
  await eventually(async () => (await everything()) === 0, { ...PATIENCE, describe: 'everything to be removed' });
  expect(record.results).toHaveLength(1);
  await program.end('SIGTERM');
}, 120_000);
