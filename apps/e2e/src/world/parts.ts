import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provideBaseImages, startDockerEngine, startRegistry, type DockerEngine, type Registry } from '@sluice/testing';
import { HostPorts } from './host-ports.ts';

/** What both modes share and what is kept between runs of the suite: the container engine, and a registry with the base images. */
export interface Parts {
  readonly engine: DockerEngine;
  readonly registry: Registry;
  readonly ports: HostPorts;
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
    return {
      engine,
      registry,
      ports: new HostPorts(),
      stop: async () => {
        await removeBuiltImages(engine.docker, registry.host);
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

/** What the services of the suite were built into; each commit has an image of its own, and nobody needs it again. */
async function removeBuiltImages(docker: DockerEngine['docker'], registryHost: string): Promise<void> {
  const images = await docker.listImages({ filters: { reference: [`${registryHost}/e2e/*`] } });
  for (const { Id } of images)
    await docker
      .getImage(Id)
      .remove({ force: true })
      .catch(() => undefined);
}
