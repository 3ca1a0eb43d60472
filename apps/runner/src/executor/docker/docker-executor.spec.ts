import { createHash, randomUUID } from 'node:crypto';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { LeaseGrant } from '@sluice/protocol';
import { eventually } from '@sluice/testing';
import type { DockerEngine, Registry } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { pino } from 'pino';
import type { RunnerDeps } from '../../start-runner.ts';
import { buildSpecImage, removeSpecImages } from '../../testing/build-spec-image.ts';
import type { AttemptRecord } from '../../testing/fake-server.ts';
import { engineWithImages, type EngineWithImages } from '../../testing/engine-with-images.ts';
import type { RunnerBench } from '../../testing/runner-bench.ts';
import { runnerBench } from '../../testing/runner-bench.ts';
import { connectEngine } from './connect-engine.ts';
import { DockerExecutor } from './docker-executor.ts';
import { ATTEMPT_LABEL, RUNNER_LABEL } from './docker-names.ts';
import { DEFAULT_JOB_SUBNETS } from './job-subnets.ts';
import { NetworkShelf } from './network-shelf.ts';

let parts: EngineWithImages<'base/busybox:1' | 'base/node:24'>;
let engine: DockerEngine;
let registry: Registry;
let busybox: string;
let node: string;
let bench: RunnerBench;

beforeAll(async () => {
  parts = await engineWithImages('base/busybox:1', 'base/node:24');
  ({ engine, registry } = parts);
  busybox = parts.images['base/busybox:1'];
  node = parts.images['base/node:24'];
}, 300_000);
afterAll(async () => {
  await removeSpecImages(engine.docker);
  await parts.stop();
});
beforeEach(async () => {
  bench = await runnerBench();
});
afterEach(() => bench.stop());

const docker = (): RunnerDeps => ({
  executor: (runner) => new DockerExecutor({ docker: engine.docker, runner, internalNetwork: false }),
  logger: pino({ level: process.env['SLUICE_TEST_LOG'] ?? 'silent' }),
  graceMs: 2000,
});
const ended = (record: AttemptRecord) =>
  eventually(() => record.results[0], { describe: 'the result', timeoutMs: 60_000, everyMs: 20 });
const job = (
  runs: readonly string[],
  change: Parameters<RunnerBench['steps']>[1] = {},
  grant: Partial<LeaseGrant> = {},
) => bench.steps(runs, { image: busybox, ...change }, grant);

async function leftovers(attemptId: string): Promise<number> {
  const filters = { label: [`${ATTEMPT_LABEL}=${attemptId}`] };
  const [containers, networks, volumes] = await Promise.all([
    engine.docker.listContainers({ all: true, filters }),
    engine.docker.listNetworks({ filters }),
    engine.docker.listVolumes({ filters }),
  ]);
  return containers.length + networks.length + volumes.Volumes.length;
}

test('steps run in the service folder of the checkout, share the workspace, and leave nothing behind (I31, A88)', async () => {
  const grant = job(['cat hello.txt; pwd; echo more > made.txt', 'cat made.txt; sleep 1000 & echo left a daemon']);
  const record = bench.server.give(grant);
  const runner = await bench.start(docker());
  const result = await ended(record);
  expect(result).toMatchObject({ outcome: 'passed', steps: [{ exitCode: 0 }, { exitCode: 0 }] });
  expect(record.log.toString()).toContain('hello\n/workspace/services/catalog\n');
  expect(record.log.toString()).toContain('more\nleft a daemon\n');
  expect(createHash('sha256').update(record.log).digest('hex')).toBe(result.log.sha256);
  runner.drain();
  await runner.finished;
  expect(await leftovers(grant.attemptId)).toBe(0);
});

test('A27 A28 untrusted text arrives as variables and step text is never spliced', async () => {
  const ref = 'refs/heads/$(id)`id`;rm';
  const record = bench.server.give(
    job(['printf "%s\\n" "$SLUICE_BRANCH"; false; echo never'], {}, { run: { ...job([]).run, ref } }),
  );
  await bench.start(docker());
  expect(await ended(record)).toMatchObject({ outcome: 'failed', reason: { code: 'exit-code' }, exitCode: 1 });
  expect(record.log.toString()).toContain('\n$(id)`id`;rm\n');
  expect(record.log.toString()).not.toContain('\nnever\n');
});

test('A85 A86 limits and privileges of the job container', async () => {
  const grant = job(['echo begun; sleep 100']);
  const record = bench.server.give(grant);
  await bench.start(docker());
  await eventually(() => record.log.includes('begun\n'), { timeoutMs: 30_000 });
  const [listed] = await engine.docker.listContainers({ filters: { label: [`${ATTEMPT_LABEL}=${grant.attemptId}`] } });
  const { HostConfig, Config, Mounts } = await engine.docker.getContainer(listed?.Id ?? '').inspect();
  expect(HostConfig).toMatchObject({
    Memory: 128 * 2 ** 20,
    MemorySwap: 128 * 2 ** 20,
    PidsLimit: 100,
    NanoCpus: 1e9,
    CapDrop: ['ALL'],
    Privileged: false,
    SecurityOpt: ['no-new-privileges'],
  });
  expect(HostConfig.NetworkMode).toMatch(/^sluice-network-/);
  expect(Mounts).toMatchObject([{ Type: 'volume', Destination: '/workspace' }]);
  expect(JSON.stringify(Config.Env)).not.toContain('SLUICE');
  record.cancel = true;
  await ended(record);
});

test('F61 a cancel sends SIGTERM to the step, waits for its grace, and removes the container when it is ignored', async () => {
  const polite = bench.server.give(job(["trap 'echo tidy; exit 5' TERM; echo begun; while :; do sleep 0.05; done"]));
  await bench.start(docker());
  await eventually(() => polite.log.includes('begun\n'), { timeoutMs: 30_000 });
  polite.cancel = true;
  expect(await ended(polite)).toMatchObject({ outcome: 'cancelled' });
  expect(polite.log.toString()).toContain('tidy\n');

  const grant = job(["trap '' TERM; echo begun; while :; do sleep 0.05 || true; done"]);
  const stubborn = bench.server.give(grant);
  await eventually(() => stubborn.log.includes('begun\n'), { timeoutMs: 30_000 });
  stubborn.cancel = true;
  expect(await ended(stubborn)).toMatchObject({ outcome: 'cancelled' });
  await eventually(async () => (await leftovers(grant.attemptId)) === 0, { timeoutMs: 30_000 });
});

test('a step that takes too long fails with reason timeout', async () => {
  const record = bench.server.give(
    job([], { steps: [{ name: 'slow', run: 'echo begun; sleep 100', env: {}, timeoutSeconds: 0.5 }] }),
  );
  await bench.start(docker());
  expect(await ended(record)).toMatchObject({ outcome: 'failed', reason: { code: 'timeout' } });
});

test('F65 a step that uses up the memory fails with reason oom, and one that ends with 137 by itself does not', async () => {
  const oom = bench.server.give(
    job(['x=$(yes | head -c 300000000); echo $?'], { resources: { cpus: 1, memoryMiB: 64, pids: 50 } }),
  );
  const itself = bench.server.give(job(['exit 137']));
  await bench.start(docker());
  expect(await ended(oom)).toMatchObject({ outcome: 'failed', reason: { code: 'oom' }, exitCode: 137 });
  expect(await ended(itself)).toMatchObject({ outcome: 'failed', reason: { code: 'exit-code' }, exitCode: 137 });
});

test("F64 a container that is ended from outside is our trouble, not the user's", async () => {
  const grant = job(['echo begun; sleep 100']);
  const record = bench.server.give(grant);
  await bench.start(docker());
  await eventually(() => record.log.includes('begun\n'), { timeoutMs: 30_000 });
  const [listed] = await engine.docker.listContainers({ filters: { label: [`${ATTEMPT_LABEL}=${grant.attemptId}`] } });
  await engine.docker.getContainer(listed?.Id ?? '').kill();
  expect(await ended(record)).toMatchObject({ outcome: 'errored', reason: { code: 'engine' } });
});

test('F64 an engine that goes away in mid-step is our trouble, and what it held is removed when it is back', async () => {
  const socket = join(bench.folder, 'engine.sock');
  const open = new Set<Socket>();
  let away = false;
  const proxy = createServer((client) => {
    if (away) return void client.destroy();
    const upstream = connect(engine.address.replace('unix://', ''));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
  });
  await new Promise<void>((listening) => proxy.listen(socket, listening));
  const executor = (runner: string) =>
    new DockerExecutor({ docker: connectEngine({ dockerHost: `unix://${socket}` }), runner, internalNetwork: false });
  const grant = job(['echo begun; sleep 100']);
  const record = bench.server.give(grant);
  await bench.start({ ...docker(), executor });
  await eventually(() => record.log.includes('begun\n'), { timeoutMs: 60_000 });
  away = true;
  for (const one of open) one.destroy();
  expect(await ended(record)).toMatchObject({ outcome: 'errored', reason: { code: 'engine' } });
  away = false;
  await eventually(async () => (await leftovers(grant.attemptId)) === 0, { timeoutMs: 60_000 });
  proxy.close();
}, 180_000);

test('service containers answer by name on the job network before the first step begins', async () => {
  const web = { image: node, port: 8080, healthy: '/healthz', env: { PORT: '8080' } };
  // The image has no program of its own that listens, so one is built.
  const image = await serviceImage(
    `require('http').createServer((q, r) => { r.statusCode = q.url === '/healthz' && Date.now() - began < 700 ? 503 : 200; r.end('hello from app') }).listen(process.env.PORT); const began = Date.now()`,
  );
  const grants = [busybox, node].map((jobImage) => {
    // Debian's static busybox cannot look up names, so there only the probe asks.
    const ask =
      jobImage === busybox
        ? 'echo hello from app'
        : `node -e 'fetch("http://app:8080/").then(r => r.text()).then(console.log)'`;
    return job([ask], { image: jobImage, services: { app: { ...web, image } } });
  });
  const records = grants.map((grant) => bench.server.give(grant));
  const runner = await bench.start(docker());
  for (const record of records) {
    expect(await ended(record)).toMatchObject({ outcome: 'passed' });
    expect(record.log.toString()).toContain('hello from app');
  }
  runner.drain();
  await runner.finished;
  for (const { attemptId } of grants) expect(await leftovers(attemptId)).toBe(0);
}, 120_000);

test('a service that ends fails the job with its last output', async () => {
  const image = await serviceImage(`console.log('no database'); process.exit(4)`);
  const record = bench.server.give(job(['echo never'], { services: { app: { image, port: 8080, env: {} } } }));
  await bench.start(docker());
  expect(await ended(record)).toMatchObject({ outcome: 'failed', reason: { code: 'service-unhealthy' } });
  expect(record.log.toString()).toContain('no database');
});

test('an image that is not there is errored with reason registry; one without sh is failed', async () => {
  const missing = bench.server.give(job(['echo never'], { image: `${registry.host}/nothing/here:1` }));
  const bare = bench.server.give(job(['echo never'], { image: await imageWithout('sh') }));
  await bench.start(docker());
  expect(await ended(missing)).toMatchObject({ outcome: 'errored', reason: { code: 'registry' } });
  expect(await ended(bare)).toMatchObject({ outcome: 'failed', reason: { code: 'image-without-shell' } });
});

test('JUnit files are read from the workspace', async () => {
  const run =
    'mkdir -p reports/deep; echo "<testsuite/>" > reports/a.xml; echo no > reports/a.txt; echo "<testsuites/>" > reports/deep/b.xml; ln -s /etc/passwd reports/evil.xml';
  const record = bench.server.give(job([run], { junit: ['reports/**/*.xml', './reports/a.xml', 'missing/*.xml'] }));
  await bench.start(docker());
  await ended(record);
  expect(record.reports.sort((a, b) => a.file.localeCompare(b.file))).toEqual([
    { file: 'reports/a.xml', xml: '<testsuite/>\n' },
    { file: 'reports/deep/b.xml', xml: '<testsuites/>\n' },
  ]);
});

test('F13 I31 what a runner that died left in the engine is swept at the next start', async () => {
  const options = { docker: engine.docker, runner: randomUUID(), internalNetwork: false };
  const executor = new DockerExecutor(options);
  const grant = job([]);
  if (grant.work.kind !== 'steps') throw new Error('not a steps job');
  const { LogSpool } = await import('../../log/log-spool.ts');
  const { AttemptLog } = await import('../../log/attempt-log.ts');
  const { pack } = await import('tar-stream');
  const { Readable } = await import('node:stream');
  const spool = await LogSpool.create(join(bench.folder, 'log'), () => undefined);
  const log = new AttemptLog(spool, { maxBytes: 1e6, secrets: [] });
  const empty = async () => {
    const tar = pack();
    tar.finalize();
    return Readable.from(tar);
  };
  await executor.prepare(
    {
      attemptId: grant.attemptId,
      epoch: 1,
      work: grant.work,
      registries: [],
      path: '',
      source: Promise.resolve({ tar: empty }),
    },
    log,
    new AbortController().signal,
  );
  await spool.dispose();
  expect(await leftovers(grant.attemptId)).toBe(2);
  expect(await networksOf(options.runner)).toHaveLength(1);
  expect(await executor.sweep((id) => id === grant.attemptId)).toBe(0);
  expect(await leftovers(grant.attemptId)).toBe(2);
  expect(await networksOf(options.runner)).toHaveLength(1);
  expect(await new DockerExecutor(options).sweep(() => false)).toBe(0);
  expect(await leftovers(grant.attemptId)).toBe(0);
  expect(await networksOf(options.runner)).toEqual([]);
});

test('the next job has the network of an ended one, never one that is in use; none stays when the runner ends', async () => {
  let identity = '';
  const executor = (made: string) => {
    identity = made;
    return new DockerExecutor({ docker: engine.docker, runner: made, internalNetwork: false, keptNetworks: 1 });
  };
  const runner = await bench.start({ ...docker(), executor }, { slots: 2 });
  const used = async (attemptId: string) => {
    const [listed] = await engine.docker.listContainers({ filters: { label: [`${ATTEMPT_LABEL}=${attemptId}`] } });
    return (await engine.docker.getContainer(listed?.Id ?? '').inspect()).HostConfig.NetworkMode;
  };
  const grants = [1, 2].map(() => job(['echo begun; sleep 100']));
  const both = grants.map((grant) => bench.server.give(grant));
  await eventually(() => both.every(({ log }) => log.includes('begun\n')), { timeoutMs: 60_000 });
  const [first, second] = await Promise.all(grants.map(({ attemptId }) => used(attemptId)));
  expect(first).not.toBe(second);
  for (const record of both) record.cancel = true;
  await Promise.all(both.map(ended));
  // One is kept, the other is removed.
  const [kept] = await eventually(
    async () => {
      const networks = await networksOf(identity);
      return networks.length === 1 ? networks : undefined;
    },
    { timeoutMs: 30_000 },
  );
  const grant = job(['echo begun; sleep 100']);
  const third = bench.server.give(grant);
  await eventually(() => third.log.includes('begun\n'), { timeoutMs: 60_000 });
  expect(await used(grant.attemptId)).toBe(kept);
  third.cancel = true;
  await ended(third);
  runner.drain();
  await runner.finished;
  expect(await networksOf(identity)).toEqual([]);
}, 120_000);

test('a kept network that somebody removed is made anew, and one that could not be made is not kept', async () => {
  const options = {
    docker: engine.docker,
    runner: randomUUID(),
    internalNetwork: false,
    subnets: DEFAULT_JOB_SUBNETS,
    most: 1,
  };
  const shelf = new NetworkShelf(options);
  const lent = shelf.take();
  await lent.made;
  await shelf.giveBack(lent);
  await engine.docker.getNetwork(lent.name).remove();
  const again = shelf.take();
  expect(again.name).toBe(lent.name);
  await again.made;
  expect(await networksOf(options.runner)).toEqual([lent.name]);
  expect(shelf.isKnown(lent.name)).toBe(true);
  await shelf.giveBack(again);
  await shelf.close();
  expect(await networksOf(options.runner)).toEqual([]);
  expect(shelf.isKnown(lent.name)).toBe(false);

  const refusing = {
    createNetwork: () => Promise.reject(new Error('no addresses left')),
    getNetwork: engine.docker.getNetwork.bind(engine.docker),
  } as unknown as typeof engine.docker;
  const without = new NetworkShelf({ ...options, docker: refusing });
  const never = without.take();
  await expect(never.made).rejects.toThrow('no addresses left');
  await without.giveBack(never);
  expect(without.take().name).not.toBe(never.name);
});

async function networksOf(runner: string): Promise<string[]> {
  const networks = await engine.docker.listNetworks({ filters: { label: [`${RUNNER_LABEL}=${runner}`] } });
  return networks.map(({ Name }) => Name);
}

async function serviceImage(script: string): Promise<string> {
  return buildSpecImage(
    engine.docker,
    [`FROM ${node}`, `ENTRYPOINT ["node", "-e", ${JSON.stringify(script)}]`].join('\n'),
  );
}

async function imageWithout(_program: 'sh'): Promise<string> {
  return buildSpecImage(engine.docker, 'FROM scratch\nCOPY Dockerfile /only-file\n');
}

test('A60 files of every kind go into a cache and come back as they were, from below the service folder alone', async () => {
  const cache = {
    cache: [{ key: 'things', files: ['hello.txt'], paths: ['kept', 'single.txt', '*.none'] }],
    limits: { artifactBytes: 1_000_000, cacheBytes: 1_000_000 },
  };
  const make = [
    'mkdir -p kept/deep/empty && echo text > kept/deep/a.txt && chmod 750 kept/deep/a.txt && echo one > single.txt',
    'ln -s deep/a.txt kept/link && ln kept/deep/a.txt kept/hard && ln -s /etc/passwd kept/absolute && ln -s ../../../x kept/out',
  ];
  const first = bench.server.give(job([make.join(' && ')], cache));
  const second = bench.server.give(
    job(
      [
        'cat kept/link kept/hard single.txt && stat -c "%a %h" kept/deep/a.txt && [ -d kept/deep/empty ] && readlink kept/absolute && ls kept',
      ],
      cache,
    ),
  );
  await bench.start(docker());
  expect((await ended(first)).outcome).toBe('passed');
  expect((await ended(second)).outcome).toBe('passed');
  await eventually(() => second.log.toString().includes('absolute'), { describe: 'the log' });
  const log = second.log.toString();
  expect(log).toMatch(/cache \S+: hit/);
  expect(log).toContain('text\ntext\none\n750 2\n/etc/passwd\nabsolute\ndeep\nhard\nlink\n');
});
