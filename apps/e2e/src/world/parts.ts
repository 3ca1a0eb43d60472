import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  buildRunnerImage,
  provideBaseImages,
  startDockerEngine,
  startRegistry,
  type DockerEngine,
  type Registry,
} from '@sluice/testing';
import { HostPorts } from './host-ports.ts';

/** What both modes share and what is kept between runs of the suite: the container engine, and a registry with the base images. */
export interface Parts {
  readonly engine: DockerEngine;
  readonly registry: Registry;
  readonly ports: HostPorts;
  /** The image of the runner, built when it is first asked for. */
  runnerImage(root: string): Promise<string>;
  stop(): Promise<void>;
}

/** Kept, so that base images are assembled and pushed once. */
const KEPT = join(tmpdir(), 'sluice-e2e');
/** A fixed port keeps the names of the base images, and with them what the engine knows, from one run to the next. */
const REGISTRY_PORT = 4631;

export async function startParts(report: (line: string) => void): Promise<Parts> {
  const engine = await startDockerEngine({ stateDir: join(KEPT, 'engine'), report });
  try {
    const registry = await startOwnRegistry(join(KEPT, 'registry'), report);
    try {
      await provideBaseImages({ docker: engine.docker, registry, only: ['base/busybox:1'], report });
    } catch (error) {
      await registry.stop();
      throw error;
    }
    const runnerImage = `sluice-e2e/runner:${process.pid}`;
    let built: Promise<void> | undefined;
    return {
      engine,
      registry,
      ports: new HostPorts(),
      runnerImage: async (root) => {
        built ??= buildRunnerImage(root, engine, runnerImage);
        await built;
        return runnerImage;
      },
      stop: async () => {
        if (built !== undefined) await removeImages(engine.docker, runnerImage);
        // What the services of the suite were built into; each commit has an image of its own, and nobody needs it again.
        await removeImages(engine.docker, `${registry.host}/e2e/*`);
        await registry.stop();
        await engine.stop();
      },
    };
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

/** One that answers on the port already belongs to another run, which may end before we do; the data may be shared. */
async function startOwnRegistry(dataDir: string, report: (line: string) => void): Promise<Registry> {
  const kept = await startRegistry({ dataDir, port: REGISTRY_PORT, report }).catch(() => undefined);
  return kept?.startedByUs === true ? kept : startRegistry({ dataDir, report });
}

async function removeImages(docker: DockerEngine['docker'], reference: string): Promise<void> {
  const images = await docker.listImages({ filters: { reference: [reference] } });
  for (const { Id } of images)
    await docker
      .getImage(Id)
      .remove({ force: true })
      .catch(() => undefined);
}
