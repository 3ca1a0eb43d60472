import type Docker from 'dockerode';
import type { AttemptLog } from '../../log/attempt-log.ts';
import type { RegistryCredential } from '../executor.port.ts';
import { ExecutorTrouble } from '../executor.port.ts';
import { engineStatus, wordsOf } from './engine-trouble.ts';
import { readProgress } from './progress-stream.ts';
import { credentialFor } from './registry-credential.ts';

export async function pullImage(
  docker: Docker,
  reference: string,
  registries: readonly RegistryCredential[],
  log: AttemptLog,
  signal: AbortSignal,
): Promise<void> {
  log.line(`pulling ${reference}`);
  const authconfig = credentialFor(reference, registries);
  try {
    const stream = await docker.pull(reference, {
      ...(authconfig === undefined ? {} : { authconfig }),
      abortSignal: signal,
    });
    for await (const { error } of readProgress(stream)) if (error !== undefined) throw new Error(error);
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ExecutorTrouble('registry', `The image ${reference} could not be pulled: ${wordsOf(error)}`, {
      cause: error,
    });
  }
}

/** Makes a container; an image that is not there is pulled first. */
export async function createContainer(
  docker: Docker,
  options: Docker.ContainerCreateOptions & { readonly Image: string },
  pull: () => Promise<void>,
): Promise<Docker.Container> {
  try {
    return await docker.createContainer(options);
  } catch (error) {
    if (engineStatus(error) !== 404) throw error;
    await pull();
    return docker.createContainer(options);
  }
}
