import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import type Docker from 'dockerode';
import { eventually, removeRunnerLeftovers, takeFileLock } from '@sluice/testing';
import type { DockerEngine, Registry } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { buildSpecImage, removeSpecImages } from '../../testing/build-spec-image.ts';
import type { AttemptRecord } from '../../testing/fake-server.ts';
import { engineWithImages, type EngineWithImages } from '../../testing/engine-with-images.ts';
import type { RunnerBench } from '../../testing/runner-bench.ts';
import { runnerBench } from '../../testing/runner-bench.ts';
import type { DockerExecutorOptions } from './docker-executor.ts';
import { DockerExecutor } from './docker-executor.ts';
import { RUNNER_LABEL } from './docker-names.ts';
import { DEFAULT_JOB_SUBNETS } from './job-subnets.ts';
import { MetadataDenial } from './metadata-denial.ts';
import { NetworkShelf } from './network-shelf.ts';

/** The one that nearly all clouds have, and one that nobody names. */
const METADATA = ['169.254.169.254', `169.254.77.${1 + (process.pid % 250)}`] as const;

let parts: EngineWithImages<'base/busybox:1' | 'base/node:24'>;
let engine: DockerEngine;
let registry: Registry;
let busybox: string;
let node: string;
let bench: RunnerBench;
let runner: string;
const clouds: Server[] = [];
let letGo: (() => Promise<void>) | undefined;

beforeAll(async () => {
  parts = await engineWithImages('base/busybox:1', 'base/node:24');
  ({ engine, registry } = parts);
  busybox = parts.images['base/busybox:1'];
  node = parts.images['base/node:24'];
  // The addresses are the machine's: another run of this spec would take them away.
  letGo = await takeFileLock('metadata-addresses');
  for (const address of METADATA) clouds.push(await cloudAt(address));
}, 300_000);
afterAll(async () => {
  for (const cloud of clouds) cloud.close();
  for (const address of METADATA) await onHost(`ip addr del ${address}/32 dev lo`);
  await letGo?.();
  await removeSpecImages(engine.docker);
  await parts.stop();
});
beforeEach(async () => {
  bench = await runnerBench();
});
afterEach(async () => {
  await bench.stop();
  const left = await removeRunnerLeftovers(engine.docker, runner);
  if (left.length > 0) throw new Error(`The test leaves in the engine: ${left.join(', ')}`);
});

const executor = (more: Partial<DockerExecutorOptions> = {}) => ({
  executor: (identity: string) => {
    runner = identity;
    return new DockerExecutor({ docker: engine.docker, runner: identity, internalNetwork: false, ...more });
  },
});
const ended = (record: AttemptRecord) =>
  eventually(() => record.results[0], { describe: 'the result', timeoutMs: 60_000, everyMs: 20 });

test('A87 a job does not reach the addresses of cloud metadata, from no address of its own, and a plain container does', async () => {
  const targets = clouds.map((cloud) => cloud.address() as AddressInfo);
  const ask = askFor(targets);
  expect(await inPlainContainer(node, ['node', '-e', ask])).toBe('cloud cloud');
  const record = bench.server.give(bench.steps([`node -e '${ask}'`], { image: node }));
  await bench.start(executor());
  expect(await ended(record)).toMatchObject({ outcome: 'passed' });
  // Refused inside the container, by whatever way; nobody there.
  expect(record.log.toString()).toMatch(/\nECONNREFUSED,ECONNREFUSED,ECONNREFUSED (EHOSTUNREACH|late)\n/);
  expect(record.log.toString()).not.toContain('cloud');
}, 120_000);

test('A87 service containers are kept from metadata too, and are found by name all the same', async () => {
  const [, { address, port }] = clouds.map((cloud) => cloud.address() as AddressInfo) as [AddressInfo, AddressInfo];
  const script = `
    let said = "waiting";
    require("net").connect({ host: "${address}", port: ${port} }).on("connect", () => { said = "cloud"; }).on("error", (e) => { said = e.code; }).setTimeout(4000, function () { said = "late"; this.destroy(); });
    require("http").createServer((q, r) => r.end(said)).listen(8080);`;
  const entry = JSON.stringify(script.replaceAll('\n', ' '));
  const image = await buildSpecImage(engine.docker, `FROM ${node}\nENTRYPOINT ["node", "-e", ${entry}]`);
  const ask = `node -e 'const ask = () => fetch("http://app:8080/").then(r => r.text()).then(t => t === "waiting" ? setTimeout(ask, 100) : console.log("app: " + t)); ask()'`;
  const record = bench.server.give(
    bench.steps([ask], { image: node, services: { app: { image, port: 8080, env: {} } } }),
  );
  await bench.start(executor());
  expect(await ended(record)).toMatchObject({ outcome: 'passed' });
  expect(record.log.toString()).toMatch(/\napp: (EHOSTUNREACH|late)\n/);
}, 120_000);

test('A87 jobs and services ask the name server that the runner was given, and still find each other by name', async () => {
  const [address, answer] = ['192.0.2.53', '203.0.113.7'] as const;
  const find = `require("dns").lookup("anything.example", { family: 4 }, (e, a) => say(e ? e.code : a))`;
  const entry = JSON.stringify(
    `const say = (found) => require("http").createServer((q, r) => r.end(found)).listen(8080); ${find}`,
  );
  const image = await buildSpecImage(engine.docker, `FROM ${node}\nENTRYPOINT ["node", "-e", ${entry}]`);
  const ask = `node -e 'const say = (found) => fetch("http://app:8080/").then(r => r.text()).then(t => console.log("job: " + found + ", service: " + t)); ${find}'`;
  await onHost(`ip addr add ${address}/32 dev lo`);
  const nameServer = await startNameServer(address, answer);
  try {
    const record = bench.server.give(
      bench.steps([ask], { image: node, services: { app: { image, port: 8080, env: {} } } }),
    );
    await bench.start(executor({ nameServers: [address] }));
    expect(await ended(record)).toMatchObject({ outcome: 'passed' });
    expect(record.log.toString()).toContain(`\njob: ${answer}, service: ${answer}\n`);
  } finally {
    await nameServer.remove({ force: true });
    await onHost(`ip addr del ${address}/32 dev lo`);
  }
}, 120_000);

test('A87 a runner that was told so leaves metadata open', async () => {
  const ask = askFor(clouds.map((cloud) => cloud.address() as AddressInfo));
  const record = bench.server.give(bench.steps([`node -e '${ask}'`], { image: node }));
  await bench.start(executor({ metadata: 'open' }));
  expect(await ended(record)).toMatchObject({ outcome: 'passed' });
  expect(record.log.toString()).toContain('\ncloud cloud\n');
}, 120_000);

test('A87 with a helper image the steps of an image build are kept from metadata as well', async () => {
  const { address, port } = clouds.at(-1)!.address() as AddressInfo;
  const ask = `if nc -w 4 ${address} ${port} </dev/null | grep -q cloud; then echo it is reached; else echo it is kept away; fi`;
  const commit = bench.push({ 'services/catalog/Dockerfile': `FROM ${busybox}\nARG ROUND\nRUN echo $ROUND; ${ask}\n` });
  const build = async (round: string) => {
    const repository = `${registry.host}/team/network-${randomUUID().slice(0, 8)}`;
    const work = { context: '.', dockerfile: 'Dockerfile', repository, args: { ROUND: round }, platforms: [] };
    const grant = bench.grant({ kind: 'image', ...work });
    const record = bench.server.give({ ...grant, run: { ...grant.run, commit }, source: { ...grant.source, commit } });
    const result = await ended(record);
    expect(result, record.log.toString()).toMatchObject({ outcome: 'passed' });
    await engine.docker.getImage(`${repository}:${commit}`).remove({ force: true });
    return record.log.toString();
  };
  const without = await bench.start(executor());
  expect(await build(randomUUID())).toContain('it is reached\n');
  without.drain();
  await without.finished;
  await bench.start(executor({ helperImage: busybox }));
  expect(await build(randomUUID())).toContain('it is kept away\n');
  const left = await engine.docker.listContainers({ all: true, filters: { label: [`${RUNNER_LABEL}=${runner}`] } });
  expect(left).toEqual([]);
}, 180_000);

test('an engine that gives no link-local addresses is our trouble, with what to do', async () => {
  const container = await engine.docker.createContainer({ Image: busybox, Cmd: ['sleep', '100'] });
  try {
    await container.start();
    await new MetadataDenial(false).prove(container);
    await expect(new MetadataDenial(true).prove(container)).rejects.toThrow(
      'The container engine does not keep jobs from the addresses of cloud metadata: use Docker Engine, or allow them with SLUICE_RUNNER_JOB_METADATA=open on the runner.',
    );
  } finally {
    await container.remove({ force: true });
  }
});

test('networks of jobs lie in the range of the runner; runners that share it share its subnets, and a full one is told', async () => {
  runner = randomUUID();
  const first = `10.${100 + (process.pid % 100)}.3`;
  const range = `${first}.0/25`;
  const shelves = [1, 2].map(
    () => new NetworkShelf({ docker: engine.docker, runner, internalNetwork: false, subnets: range, most: 1 }),
  );
  const lent = shelves.map((shelf) => shelf.take());
  await Promise.all(lent.map(({ made }) => made));
  const subnets = await Promise.all(lent.map(async ({ name }) => (await describe(name)).IPAM?.Config?.[0]?.Subnet));
  expect(new Set(subnets)).toEqual(new Set([`${first}.0/26`, `${first}.64/26`]));
  const third = shelves[0]?.take();
  await expect(third?.made).rejects.toMatchObject({
    code: 'engine',
    message: `The container engine has no free subnet in ${range} for the network of a job: remove networks that nobody uses, or set SLUICE_RUNNER_JOB_SUBNETS to a larger range.`,
  });
  for (const [index, one] of lent.entries()) await shelves[index]?.giveBack(one);
  await shelves[0]?.close();
  const fourth = shelves[1]?.take();
  const fifth = shelves[1]?.take();
  await Promise.all([fourth?.made, fifth?.made]);
  for (const one of [fourth, fifth]) if (one !== undefined) await shelves[1]?.giveBack(one);
  await shelves[1]?.close();
});

test('more jobs at once than the engine has ranges of its own get a network each', async () => {
  runner = randomUUID();
  const options = { docker: engine.docker, runner, internalNetwork: false, subnets: DEFAULT_JOB_SUBNETS, most: 0 };
  const shelf = new NetworkShelf(options);
  const lent = Array.from({ length: 40 }, () => shelf.take());
  await Promise.all(lent.map(({ made }) => made));
  expect(await networksOf(runner)).toHaveLength(40);
  await Promise.all(lent.map((one) => shelf.giveBack(one)));
}, 120_000);

const describe = (name: string) =>
  engine.docker.getNetwork(name).inspect() as Promise<{ IPAM?: { Config?: { Subnet?: string }[] } }>;

async function networksOf(identity: string): Promise<string[]> {
  const networks = await engine.docker.listNetworks({ filters: { label: [`${RUNNER_LABEL}=${identity}`] } });
  return networks.map(({ Name }) => Name);
}

/** Prints for each address what became of a connection: "cloud" when one way led there, otherwise what each way came to. */
function askFor([first, second]: readonly AddressInfo[]): string {
  return `
    const { connect } = require("net");
    const own = Object.values(require("os").networkInterfaces()).flat().filter((i) => i.family === "IPv4" && i.address !== "127.0.0.1" && !i.address.startsWith("169.254.170")).map((i) => i.address);
    const ask = (host, port, localAddress) => new Promise((say) => connect({ host, port, localAddress })
      .on("data", (text) => say(String(text))).on("error", (e) => say(e.code)).setTimeout(4000, function () { this.destroy(); say("late"); }));
    const told = (all) => all.includes("cloud") ? "cloud" : all.join();
    (async () => console.log(
      told(await Promise.all([undefined, ...own].map((from) => ask("${first?.address}", ${first?.port}, from)))),
      told([await ask("${second?.address}", ${second?.port})])))();`;
}

/** Something that answers at an address of the engine's host, as metadata does; the address is taken back by the end. */
async function cloudAt(address: string): Promise<Server> {
  await onHost(`ip addr add ${address}/32 dev lo`);
  const server = createServer((socket) => socket.on('error', () => undefined).end('cloud'));
  await new Promise<void>((listening, refused) => server.once('error', refused).listen(0, address, listening));
  return server;
}

/** On the engine's host; knows every name, at one address. */
async function startNameServer(address: string, answer: string): Promise<Docker.Container> {
  const script = `
    const server = require("dgram").createSocket("udp4");
    server.on("message", (asked, from) => {
      const end = asked.indexOf(0, 12) + 5;
      const isKnown = asked.readUInt16BE(end - 4) === 1;
      const head = Buffer.from([asked[0], asked[1], 0x81, 0x80, 0, 1, 0, isKnown ? 1 : 0, 0, 0, 0, 0]);
      const found = isKnown ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ${answer.replaceAll('.', ', ')}]) : Buffer.alloc(0);
      server.send(Buffer.concat([head, asked.subarray(12, end), found]), from.port, from.address);
    });
    server.bind(53, "${address}", () => console.log("listening"));`;
  const container = await engine.docker.createContainer({
    Image: node,
    Entrypoint: '',
    Cmd: ['node', '-e', script],
    HostConfig: { NetworkMode: 'host' },
  });
  await container.start();
  const said = async () => (await container.logs({ stdout: true, stderr: true })).toString();
  await eventually(async () => (await said()).includes('listening'), {
    describe: 'the name server',
    timeoutMs: 30_000,
  });
  return container;
}

async function onHost(command: string): Promise<void> {
  await run(busybox, ['sh', '-c', command], { NetworkMode: 'host', CapAdd: ['NET_ADMIN'] });
}

const inPlainContainer = (image: string, command: readonly string[]) => run(image, command, {});

async function run(image: string, command: readonly string[], HostConfig: object): Promise<string> {
  const container = await engine.docker.createContainer({
    Image: image,
    Entrypoint: '',
    Cmd: [...command],
    Tty: true,
    HostConfig,
  });
  try {
    await container.start();
    await container.wait();
    return (await container.logs({ stdout: true, stderr: true })).toString().trim();
  } finally {
    await container.remove({ force: true });
  }
}
