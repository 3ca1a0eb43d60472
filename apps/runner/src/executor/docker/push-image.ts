import { setTimeout as pause } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { AttemptLog } from '../../log/attempt-log.ts';
import { ExecutorTrouble } from '../executor.port.ts';
import type { RegistryCredential } from '../executor.port.ts';
import { isPassingTrouble } from './build-failure.ts';
import { wordsOf } from './engine-trouble.ts';
import type { Progress } from './progress-stream.ts';
import { readProgress } from './progress-stream.ts';
import { credentialFor } from './registry-credential.ts';

const PUSH_PAUSES_MS = [1000, 4000];

/** Pushes `repository:tag` and returns the digest that the registry answered and the engine knows the image by. */
export async function pushImage(
  docker: Docker,
  repository: string,
  tag: string,
  registries: readonly RegistryCredential[],
  log: AttemptLog,
  signal: AbortSignal,
): Promise<string> {
  const digest = await pushWithRetries(repository, log, signal, () =>
    push(docker, repository, tag, registries, signal),
  );
  const { RepoDigests } = await docker.getImage(`${repository}:${tag}`).inspect();
  if (!(RepoDigests as readonly string[] | null)?.some((known) => known.endsWith(`@${digest}`))) {
    throw new ExecutorTrouble(
      'registry',
      `The registry answered ${digest} for the push, but the engine does not know the image by it.`,
    );
  }
  return digest;
}

/** Tries again what the network is to blame for; what stays is the registry's trouble. */
export async function pushWithRetries<T>(
  repository: string,
  log: AttemptLog,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  for (const wait of [...PUSH_PAUSES_MS, undefined]) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted) throw error;
      if (wait === undefined || !isPassingTrouble(wordsOf(error))) {
        throw new ExecutorTrouble('registry', `The image could not be pushed to ${repository}: ${wordsOf(error)}`, {
          cause: error,
        });
      }
      log.line(`the push failed (${wordsOf(error)}), trying again`);
      await pause(wait, undefined, { signal });
    }
  }
  throw new Error('unreachable');
}

async function push(
  docker: Docker,
  repository: string,
  tag: string,
  registries: readonly RegistryCredential[],
  signal: AbortSignal,
): Promise<string> {
  // Without credentials the engine still wants the header.
  const authconfig = credentialFor(repository, registries) ?? { username: '', password: '', serveraddress: '' };
  const answer = await docker
    .getImage(`${repository}:${tag}`)
    .push({ tag, authconfig, abortSignal: signal } as Docker.ImagePushOptions);
  let digest: string | undefined;
  for await (const { error, aux } of readProgress(answer) as AsyncGenerator<Progress>) {
    if (error !== undefined) throw new Error(error);
    if (typeof aux === 'object') digest = aux.Digest ?? digest;
  }
  if (digest === undefined || !/^sha256:[0-9a-f]{64}$/.test(digest)) throw new Error('the registry returned no digest');
  return digest;
}
