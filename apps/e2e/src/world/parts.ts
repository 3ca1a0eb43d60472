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
    const dataDir = join(KEPT, 'registry');
    const registry = await startRegistry({ dataDir, port: REGISTRY_PORT, report }).catch(() =>
      startRegistry({ dataDir, report }),
    );
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
        await registry.stop();
        await engine.stop();
      },
    };
  } catch (error) {
    await engine.stop();
    throw error;
  }
}
