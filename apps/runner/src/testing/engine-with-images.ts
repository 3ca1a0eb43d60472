import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provideBaseImages, startDockerEngine, startRegistry } from '@sluice/testing';
import type { BaseImageName, DockerEngine, Registry } from '@sluice/testing';

/** A real engine for a spec file, and a registry of its own that holds base images by the references that jobs name. */
export interface EngineWithImages<Name extends BaseImageName> {
  readonly engine: DockerEngine;
  readonly registry: Registry;
  readonly images: Readonly<Record<Name, string>>;
  /** Also takes what is named after the registry out of the engine: it is gone after this, so its tags would only gather. */
  stop(): Promise<void>;
}

/** Takes minutes where the base images are made for the first time: give `beforeAll` 300 s. */
export async function engineWithImages<Name extends BaseImageName>(
  ...only: readonly Name[]
): Promise<EngineWithImages<Name>> {
  const state = mkdtempSync(join(tmpdir(), 'sluice-engine-'));
  const engine = await startDockerEngine({ stateDir: state });
  const registry = await startRegistry({ dataDir: join(state, 'registry') });
  const provided = await provideBaseImages({ docker: engine.docker, registry, only });
  const images = Object.fromEntries(provided.map(({ name, reference }) => [name, reference])) as Record<Name, string>;
  return {
    engine,
    registry,
    images,
    stop: async () => {
      const tags = (await engine.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
      for (const tag of tags.filter((name) => name.startsWith(`${registry.host}/`)))
        await engine.docker.getImage(tag).remove({ force: true });
      await registry.stop();
      await engine.stop();
      rmSync(state, { recursive: true, force: true });
    },
  };
}
