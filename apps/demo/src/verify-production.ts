import type Docker from 'dockerode';
import { eventually, manifestDigest, type Api } from '@sluice/testing';
import type { DemoService } from './demo-services.ts';
import type { DemoParts } from './start-parts.ts';

type RunDetail = Awaited<ReturnType<Api['runs']['getRun']>>;

/**
 * Checks from outside what the product says: the production container answers with the pushed commit, and the image it
 * runs, the registry and the run agree on one digest. Throws with the first thing that is not so.
 */
export async function verifyProduction(
  parts: DemoParts,
  service: DemoService,
  commit: string,
  run: RunDetail,
): Promise<string> {
  if (!run.image) throw new Error(`Run ${run.number} of ${service.name} recorded no image.`);
  const { repository, digest } = run.image;
  const answered = await eventually(
    async () =>
      (await (await fetch(`http://127.0.0.1:${service.ports.production}/version`)).json()) as { commit?: string },
    { timeoutMs: 10_000, describe: `production of ${service.name} to answer` },
  );
  if (answered.commit !== commit) {
    throw new Error(`Production of ${service.name} answers with commit ${answered.commit}, pushed was ${commit}.`);
  }
  const repoDigests = await digestsOfContainer(parts.engine.docker, service.name);
  if (!repoDigests.includes(`${repository}@${digest}`)) {
    throw new Error(
      `The container of ${service.name} runs ${repoDigests.join(', ') || 'an image without digest'}, the run built ${digest}.`,
    );
  }
  const path = repository.slice(repository.indexOf('/') + 1);
  const inRegistry = await manifestDigest(parts.registry.url, path, commit);
  if (inRegistry !== digest)
    throw new Error(`The registry names ${inRegistry} for ${service.name}, the run ${digest}.`);
  return digest;
}

async function digestsOfContainer(docker: Docker, service: string): Promise<string[]> {
  const containers = await docker.listContainers({
    filters: { label: [`sluice.service=${service}`, 'sluice.environment=production'], status: ['running'] },
  });
  if (containers.length !== 1)
    throw new Error(`${containers.length} production containers of ${service} run; there must be one.`);
  const image = await docker.getImage(containers[0]!.ImageID).inspect();
  return image.RepoDigests ?? [];
}
