import { randomUUID } from 'node:crypto';
import type { ShellOrder } from '@sluice/protocol';
import { eventually } from '@sluice/testing';
import type { DockerEngine } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { AttemptRecord } from '../../testing/fake-server.ts';
import { engineWithImages, type EngineWithImages } from '../../testing/engine-with-images.ts';
import type { RunnerBench } from '../../testing/runner-bench.ts';
import { runnerBench } from '../../testing/runner-bench.ts';
import { DockerExecutor } from './docker-executor.ts';
import { ATTEMPT_LABEL } from './docker-names.ts';

let parts: EngineWithImages<'base/busybox:1' | 'base/node:24'>;
let engine: DockerEngine;
let bench: RunnerBench;

beforeAll(async () => {
  parts = await engineWithImages('base/busybox:1', 'base/node:24');
  engine = parts.engine;
}, 300_000);
afterAll(() => parts.stop());
beforeEach(async () => {
  bench = await runnerBench();
});
afterEach(() => bench.stop());

const containers = (attemptId: string) =>
  engine.docker.listContainers({ all: true, filters: { label: [`${ATTEMPT_LABEL}=${attemptId}`] } });

/** A failed job whose container is kept, with a shell opened in it. */
async function withShell(image: keyof typeof parts.images) {
  const grant = bench.steps(
    ['echo "made by the step" > made.txt; exit 3'],
    { image: parts.images[image], env: { COLOUR: 'green' } },
    { keep: { minutes: 5 }, secrets: [{ name: 'KEY', value: 'correct-horse' }] },
  );
  const record = bench.server.give(grant);
  const runner = await bench.start({
    executor: (name) => new DockerExecutor({ docker: engine.docker, runner: name, internalNetwork: false }),
  });
  await eventually(() => record.keeping.asked > 0, { describe: 'a kept container', timeoutMs: 60_000 });
  const shellId = randomUUID();
  const order = (what: ShellOrder['order']) =>
    record.keeping.orders.push({ sequence: record.keeping.orders.length + 1, shellId, order: what });
  order({ kind: 'open', columns: 91, rows: 33 });
  const type = (line: string) => order({ kind: 'write', text: `${line}\n` });
  const shows = (text: string) =>
    eventually(() => saidBy(record, shellId).includes(text), {
      describe: `the shell to show ${text}`,
      timeoutMs: 30_000,
    });
  const closed = () =>
    eventually(() => record.keeping.said.get(shellId)?.closed, { describe: 'its end', timeoutMs: 30_000 });
  return { record, runner, shellId, order, type, shows, closed };
}

const saidBy = (record: AttemptRecord, shellId: string) => record.keeping.said.get(shellId)?.bytes.toString() ?? '';

test.each(['base/busybox:1', 'base/node:24'] as const)(
  'A69 I31: in %s a shell finds what the failed step left, on a terminal with a size, its secrets masked',
  async (image) => {
    const { record, runner, shellId, order, type, shows, closed } = await withShell(image);
    type('cat made.txt; pwd; echo "$COLOUR:$SLUICE_JOB:$KEY"; test -t 0 && echo on a "terminal"; stty size');
    await shows('made by the step\r\n/workspace/services/catalog\r\ngreen:commit/verify:•••\r\non a terminal\r\n33 91');
    order({ kind: 'resize', columns: 120, rows: 40 });
    type('stty size');
    await shows('40 120');
    expect(saidBy(record, shellId)).not.toContain('correct-horse');
    type('exit');
    expect(await closed()).toBe('The shell ended.');
    expect(await containers(record.grant.attemptId)).toHaveLength(1);
    runner.drain();
    await runner.finished;
    expect(await containers(record.grant.attemptId)).toHaveLength(0);
  },
);

test('closing a shell ends what runs in its foreground, and the container stays', async () => {
  const { record, order, type, shows, closed } = await withShell('base/busybox:1');
  type('echo be"gun"; sleep 3000');
  await shows('begun');
  order({ kind: 'close' });
  await closed();
  const [found] = await containers(record.grant.attemptId);
  expect(found?.State).toBe('running');
  const container = engine.docker.getContainer(found?.Id ?? '');
  await eventually(
    async () => {
      const { Processes } = (await container.top()) as { Processes: string[][] };
      return !Processes.some((line) => line.join(' ').includes('sleep 3000'));
    },
    { describe: 'the command to end', timeoutMs: 15_000 },
  );
});

test('a shell in a container that was taken away closes with a sentence', async () => {
  const { record, type, shows, closed } = await withShell('base/busybox:1');
  type('echo rea"dy"');
  await shows('ready');
  const [found] = await containers(record.grant.attemptId);
  await engine.docker.getContainer(found?.Id ?? '').remove({ force: true });
  expect(await closed()).toBeTruthy();
  const another = randomUUID();
  record.keeping.orders.push({ sequence: 3, shellId: another, order: { kind: 'open', columns: 80, rows: 24 } });
  await eventually(() => record.keeping.said.get(another)?.closed?.includes('could not open a shell'), {
    describe: 'the refusal',
    timeoutMs: 15_000,
  });
});
