import { eventually, openEngineDoor } from '@sluice/testing';
import type { EngineDoor } from '@sluice/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { engineWithImages, type EngineWithImages } from '../../testing/engine-with-images.ts';
import { runnerBench } from '../../testing/runner-bench.ts';
import { connectEngine } from './connect-engine.ts';
import { DockerExecutor } from './docker-executor.ts';

let parts: EngineWithImages<'base/busybox:1'>;
let door: EngineDoor;
beforeAll(async () => {
  parts = await engineWithImages('base/busybox:1');
  door = await openEngineDoor(parts.engine.address);
}, 300_000);
afterAll(async () => {
  await door.stop();
  await parts.stop();
});

test.each(['buildkit', 'classic'] as const)(
  'an engine behind TLS builds with %s and pushes, as long as it takes',
  async (builder) => {
    const { engine, registry, images } = parts;
    const bench = await runnerBench();
    try {
      // BuildKit asks every second whether the runner is there, and ends the build of one that is not.
      const dockerfile = `FROM ${images['base/busybox:1']}\nRUN echo of ${builder} ${registry.host} && sleep 4\n`;
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
