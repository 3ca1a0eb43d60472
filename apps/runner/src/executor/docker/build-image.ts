import type Docker from 'dockerode';
import type { AttemptLog } from '../../log/attempt-log.ts';
import { ExecutorTrouble, JobRefused } from '../executor.port.ts';
import type { ImagePlan } from '../executor.port.ts';
import { buildWithBuildkit } from './buildkit-builder.ts';
import { openBuildkitSession } from './buildkit-session.ts';
import { buildClassic } from './classic-builder.ts';
import { pushImage } from './push-image.ts';
import type { BuildOrder } from './start-build.ts';

/** `auto` = BuildKit where the engine has it and the build needs no network of jobs. */
export type ImageBuilder = 'auto' | 'buildkit' | 'classic';

export interface BuildTools {
  readonly docker: Docker;
  readonly builder: ImageBuilder;
  /** Network mode for the steps of the build; only the classic builder takes one. Undefined: the engine's own network. */
  readonly network: string | undefined;
}

/** Builds from a context and pushes `repository:<commit>`. The digest is the one that the registry returned for the push. */
export async function buildAndPush(
  tools: BuildTools,
  plan: ImagePlan,
  log: AttemptLog,
  signal: AbortSignal,
): Promise<{ repository: string; digest: string }> {
  const { work, commit, registries } = plan;
  const { docker } = tools;
  const { repository } = work;
  const platform = await foreignPlatform(docker, work.platforms);
  await build(tools, { plan, tag: `${repository}:${commit}`, platform }, log, signal);
  const digest = await pushImage(docker, repository, commit, registries, log, signal);
  log.line(`pushed ${repository}@${digest}`);
  return { repository, digest };
}

async function build(
  { docker, builder, network }: BuildTools,
  order: BuildOrder,
  log: AttemptLog,
  signal: AbortSignal,
): Promise<void> {
  if (builder === 'classic' || network !== undefined) {
    if (builder === 'auto')
      log.line('BuildKit cannot take the network that is kept for jobs: the classic builder builds');
    return buildClassic(docker, order, network, log, signal);
  }
  const session = await openBuildkitSession(docker, order.plan.registries, signal);
  if ('none' in session) {
    if (builder === 'buildkit')
      throw new ExecutorTrouble(
        'engine',
        `The container engine opens no session of BuildKit (${session.none}): SLUICE_RUNNER_IMAGE_BUILDER=auto on the runner takes the classic builder then.`,
      );
    log.line(`the engine opens no session of BuildKit (${session.none}): the classic builder builds`);
    return buildClassic(docker, order, network, log, signal);
  }
  try {
    await buildWithBuildkit(docker, order, session, log, signal);
  } finally {
    session.close();
  }
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
