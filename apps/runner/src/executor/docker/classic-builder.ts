import type Docker from 'dockerode';
import type { AttemptLog } from '../../log/attempt-log.ts';
import type { RegistryCredential } from '../executor.port.ts';
import { buildFailure } from './build-failure.ts';
import { engineStatus, toTrouble, wordsOf } from './engine-trouble.ts';
import { readProgress } from './progress-stream.ts';
import { pullImage } from './pull-image.ts';
import { registryConfig } from './registry-credential.ts';
import type { BuildOrder } from './start-build.ts';
import { startBuild } from './start-build.ts';

/** Builds with the builder that every engine has: one step after the other, each in a container. */
export async function buildClassic(
  docker: Docker,
  order: BuildOrder,
  network: string | undefined,
  log: AttemptLog,
  signal: AbortSignal,
): Promise<void> {
  const { registries, work } = order.plan;
  const cacheFrom = await layersToUse(docker, work.cacheFrom, registries, log, signal);
  const more = {
    registryconfig: registryConfig(registries),
    rm: true,
    forcerm: true,
    ...(network === undefined ? {} : { networkmode: network }),
    ...(cacheFrom === undefined ? {} : { cachefrom: JSON.stringify([cacheFrom]) }),
  };
  const answer = await startBuild(docker, order, more, signal);
  try {
    for await (const { stream, status, error, errorDetail } of readProgress(answer)) {
      if (stream !== undefined) await log.write('stdout', Buffer.from(stream));
      else if (status !== undefined && error === undefined) await log.write('stdout', Buffer.from(`${status}\n`));
      if (error !== undefined) throw buildFailure(error, errorDetail?.code);
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw toTrouble(error, 'build the image');
  }
}

/**
 * The image to take layers from, pulled for that. Undefined when the engine has it already: then it has the layers of later builds too,
 * and would leave those aside for the sake of the named image. A cache that cannot be had costs time, never the build.
 */
async function layersToUse(
  docker: Docker,
  reference: string | undefined,
  registries: readonly RegistryCredential[],
  log: AttemptLog,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (reference === undefined) return undefined;
  try {
    await docker.getImage(reference).inspect();
    return undefined;
  } catch (error) {
    if (engineStatus(error) !== 404) throw toTrouble(error, 'look for the image of the last release');
  }
  try {
    await pullImage(docker, reference, registries, log, signal);
    return reference;
  } catch (error) {
    if (signal.aborted) throw error;
    log.line(`${wordsOf(error)}: the build begins without its layers`);
    return undefined;
  }
}
