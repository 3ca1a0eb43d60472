import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, openEngineDoor, provideBaseImages, startDockerEngine, startRegistry } from '@sluice/testing';
import type { DockerEngine, EngineDoor, Registry } from '@sluice/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runnerBench } from '../../testing/runner-bench.ts';
import { connectEngine } from './connect-engine.ts';
import { DockerExecutor } from './docker-executor.ts';

const state = mkdtempSync(join(tmpdir(), 'sluice-remote-engine-'));
let engine: DockerEngine;
let registry: Registry;
let door: EngineDoor;
let busybox: string;
beforeAll(async () => {
  engine = await startDockerEngine({ stateDir: state });
  registry = await startRegistry({ dataDir: join(state, 'registry') });
  door = await openEngineDoor(engine.address);
  const images = await provideBaseImages({ docker: engine.docker, registry, only: ['base/busybox:1'] });
  busybox = images[0]!.reference;
}, 300_000);
afterAll(async () => {
  await engine.docker.getImage(busybox).remove({ force: true });
  await door.stop();
  await registry.stop();
  await engine.stop();
  rmSync(state, { recursive: true, force: true });
});

test.each(['buildkit', 'classic'] as const)(
  'an engine behind TLS builds with %s and pushes, as long as it takes',
  async (builder) => {
    const bench = await runnerBench();
    try {
      // BuildKit asks every second whether the runner is there, and ends the build of one that is not.
      const dockerfile = `FROM ${busybox}\nRUN echo of ${builder} ${registry.host} && sleep 4\n`;
      const commit = bench.push({ 'services/catalog/Dockerfile': dockerfile });
      const repository = `${registry.host}/team/behind-tls-${builder}`;
      const image = { context: '.', dockerfile: 'Dockerfile', repository, args: {}, platforms: [] };
      const { run, source, ...grant } = bench.grant({ kind: 'image', ...image });
      const record = bench.server.give({ ...grant, run: { ...run, commit }, source: { ...source, commit } });
      const docker = connectEngine({ dockerHost: door.address, dockerCertPath: door.certPath });
      await bench.start({
        executor: (runner) => new DockerExecutor({ docker, runner, internalNetwork: false, builder }),
      });
      const result = await eventually(() => record.results[0], { timeoutMs: 60_000, describe: 'the result' });
      expect(result, record.log.toString()).toMatchObject({ outcome: 'passed' });
      await engine.docker.getImage(`${repository}:${commit}`).remove({ force: true });
    } finally {
      await bench.stop();
    }
  },
  120_000,
);
