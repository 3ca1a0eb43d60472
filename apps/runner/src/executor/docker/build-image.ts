import { setTimeout as pause } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { AttemptLog } from '../../log/attempt-log.ts';
import { ExecutorTrouble, JobRefused } from '../executor.port.ts';
import type { ImagePlan, RegistryCredential } from '../executor.port.ts';
import { engineStatus, toTrouble, wordsOf } from './engine-trouble.ts';
import type { Progress } from './progress-stream.ts';
import { readProgress } from './progress-stream.ts';
import { pullImage } from './pull-image.ts';
import { credentialFor, registryConfig } from './registry-credential.ts';

const PUSH_PAUSES_MS = [1000, 4000];
/** What an engine says when the network or the disk is at fault, not the Dockerfile. */
const NOT_THE_USERS =
  /dial tcp|i\/o timeout|TLS handshake|connection re(fused|set)|temporary failure|no space left|unexpected EOF|Client\.Timeout|toomanyrequests|50[0-4] /i;

/** Builds from a context and pushes `repository:<commit>`. The digest is the one that the registry returned for the push. */
export async function buildAndPush(
  docker: Docker,
  plan: ImagePlan,
  network: string | undefined,
  log: AttemptLog,
  signal: AbortSignal,
): Promise<{ repository: string; digest: string }> {
  const { repository } = plan.work;
  await build(docker, plan, `${repository}:${plan.commit}`, network, log, signal);
  const digest = await pushWithRetries(docker, repository, plan.commit, plan.registries, log, signal);
  const { RepoDigests } = await docker.getImage(`${repository}:${plan.commit}`).inspect();
  if (!(RepoDigests as readonly string[] | null)?.some((known) => known.endsWith(`@${digest}`))) {
    throw new ExecutorTrouble(
      'registry',
      `The registry answered ${digest} for the push, but the engine does not know the image by it.`,
    );
  }
  log.line(`pushed ${repository}@${digest}`);
  return { repository, digest };
}

async function build(
  docker: Docker,
  { work, registries, commit, sourceUrl, context }: ImagePlan,
  tag: string,
  network: string | undefined,
  log: AttemptLog,
  signal: AbortSignal,
): Promise<void> {
  const platform = await foreignPlatform(docker, work.platforms);
  const cacheFrom = await layersToUse(docker, work.cacheFrom, registries, log, signal);
  let answer: NodeJS.ReadableStream;
  let source: Readable | undefined;
  try {
    source = await context();
    answer = await docker.buildImage(source, {
      t: tag,
      dockerfile: work.dockerfile,
      buildargs: { ...work.args, SLUICE_COMMIT: commit },
      labels: { 'org.opencontainers.image.revision': commit, 'org.opencontainers.image.source': sourceUrl },
      registryconfig: registryConfig(registries),
      rm: true,
      forcerm: true,
      abortSignal: signal,
      ...(network === undefined ? {} : { networkmode: network }),
      ...(work.target === undefined ? {} : { target: work.target }),
      ...(platform === undefined ? {} : { platform }),
      ...(cacheFrom === undefined ? {} : { cachefrom: JSON.stringify([cacheFrom]) }),
    } as Docker.ImageBuildOptions);
  } catch (error) {
    source?.destroy();
    if (signal.aborted) throw error;
    // The engine refuses a Dockerfile that it cannot read before anything runs.
    if (engineStatus(error) === 400 || engineStatus(error) === 500) throw buildError(wordsOf(error));
    throw toTrouble(error, 'build the image');
  }
  try {
    for await (const { stream, status, error, errorDetail } of readProgress(answer)) {
      if (stream !== undefined) await log.write('stdout', Buffer.from(stream));
      else if (status !== undefined && error === undefined) await log.write('stdout', Buffer.from(`${status}\n`));
      if (error !== undefined) throw buildError(error, errorDetail?.code);
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

function buildError(words: string, exitCode?: number): Error {
  if (exitCode === undefined && NOT_THE_USERS.test(words)) {
    return new ExecutorTrouble(
      /no space left/i.test(words) ? 'engine' : 'registry',
      `The image could not be built: ${words}`,
    );
  }
  return new JobRefused('image-build', words, exitCode);
}

async function pushWithRetries(
  docker: Docker,
  repository: string,
  tag: string,
  registries: readonly RegistryCredential[],
  log: AttemptLog,
  signal: AbortSignal,
): Promise<string> {
  for (const wait of [...PUSH_PAUSES_MS, undefined]) {
    try {
      return await push(docker, repository, tag, registries, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      if (wait === undefined || !NOT_THE_USERS.test(wordsOf(error))) {
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
    digest = aux?.Digest ?? digest;
  }
  if (digest === undefined || !/^sha256:[0-9a-f]{64}$/.test(digest)) throw new Error('the registry returned no digest');
  return digest;
}

/** The classic builder makes one platform at a time; the engine's own needs no word. */
async function foreignPlatform(docker: Docker, platforms: readonly string[]): Promise<string | undefined> {
  if (platforms.length > 1)
    throw new JobRefused(
      'image-build',
      `This runner builds one platform at a time, and the definition asks for ${platforms.join(', ')}: name one.`,
    );
  const [platform] = platforms;
  if (platform === undefined) return undefined;
  const { Os, Arch } = await docker.version();
  return platform === `${Os}/${Arch}` ? undefined : platform;
}
