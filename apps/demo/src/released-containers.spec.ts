import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assembleBaseImages, startDockerEngine, type DockerEngine, type Installation } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { DemoFolder } from './demo-folder.ts';
import { startReleased } from './released-containers.ts';

const root = mkdtempSync(join(tmpdir(), 'sluice-demo-spec-'));
const folder = new DemoFolder(root);
const network = folder.network('staging');
const said: string[] = [];
let engine: DockerEngine;
beforeAll(async () => {
  engine = await startDockerEngine({ stateDir: root });
  await assembleBaseImages({ docker: engine.docker, only: ['base/busybox:1'] });
}, 300_000);
afterEach(async () => {
  said.length = 0;
  for (const { Id } of await ours()) await engine.docker.getContainer(Id).remove({ force: true });
  await engine.docker
    .getNetwork(network)
    .remove()
    .catch(() => undefined);
});
afterAll(async () => {
  await engine.stop();
  rmSync(root, { recursive: true, force: true });
});

const ours = () =>
  engine.docker.listContainers({ all: true, filters: { label: [`sluice.deployment=${folder.path}`] } });

async function release(): Promise<void> {
  await engine.docker.createNetwork({ Name: network });
  const container = await engine.docker.createContainer({
    name: `demo-spec-${randomUUID()}`,
    Image: 'sluice-base/busybox:1',
    Cmd: ['sleep', '60'],
    Labels: { 'sluice.deployment': folder.path },
    StopSignal: 'SIGKILL',
    HostConfig: { NetworkMode: network },
  });
  await container.start();
  await container.stop({ t: 0 });
}

const start = () => startReleased(engine.docker, folder, (line) => said.push(line));
const states = async () => (await ours()).map(({ State }) => State);

it('what was live is started again', async () => {
  folder.write({ gitPassword: 'x', installation: {} as Installation });
  await release();
  await start();
  expect(await states()).toEqual(['running']);
  expect(said).toEqual([]);
});

it('what has lost its network is removed, and the demo goes on', async () => {
  folder.write({ gitPassword: 'x', installation: {} as Installation });
  await release();
  await engine.docker.getNetwork(network).remove();
  await start();
  expect(await states()).toEqual([]);
  expect(said).toEqual([expect.stringMatching(/^Removing demo-spec-.*: .*network/)]);
});

it('what an earlier clone in this folder left is removed', async () => {
  folder.write({ gitPassword: 'x' });
  await release();
  await start();
  expect(await states()).toEqual([]);
  expect(said).toEqual([expect.stringContaining('an earlier clone in this folder left it')]);
});
