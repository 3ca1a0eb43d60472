import type Docker from 'dockerode';
import type { AttemptLog } from '../../log/attempt-log.ts';
import { ExecutorTrouble, JobRefused } from '../executor.port.ts';
import type { ImagePlan } from '../executor.port.ts';
import { buildWithBuildkit } from './buildkit-builder.ts';
import { openBuildkitSession } from './buildkit-session.ts';
import { buildClassic } from './classic-builder.ts';
import { pushImage, pushWithRetries } from './push-image.ts';
import { pushIndex } from './push-index.ts';
import type { PlatformImage } from './push-index.ts';
import type { BuildOrder } from './start-build.ts';

/** `auto` = BuildKit where the engine has it and the build needs no network of jobs. */
export type ImageBuilder = 'auto' | 'buildkit' | 'classic';

export interface BuildTools {
  readonly docker: Docker;
  readonly builder: ImageBuilder;
  /** Network mode for the steps of the build; only the classic builder takes one. Undefined: the engine's own network. */
  readonly network: string | undefined;
}

/**
 * Builds from a context and pushes `repository:<commit>`. The digest is the one that the registry returned for the push. For several platforms
 * each has an image of its own, `repository:<commit>-<platform>`, and `repository:<commit>` is the index of them.
 */
export async function buildAndPush(
  tools: BuildTools,
  plan: ImagePlan,
  log: AttemptLog,
  signal: AbortSignal,
): Promise<{ repository: string; digest: string }> {
  const { work, commit, registries } = plan;
  const { repository, platforms } = work;
  const { Os, Arch } = await tools.docker.version();
  const own = `${Os}/${Arch}`;
  const buildOne = async (platform: string, tag: string) => {
    await buildFor(platform, own, { plan, tag: `${repository}:${tag}` }, tools, log, signal);
    return pushImage(tools.docker, repository, tag, registries, log, signal);
  };
  const digest = await (platforms.length > 1 ? buildAll() : buildOne(platforms[0] ?? own, commit));
  log.line(`pushed ${repository}@${digest}`);
  return { repository, digest };

  async function buildAll(): Promise<string> {
    const images: PlatformImage[] = [];
    for (const platform of platforms) {
      log.line(`building for ${platform}`);
      images.push({ platform, digest: await buildOne(platform, `${commit}-${platform.replaceAll('/', '-')}`) });
    }
    return pushWithRetries(repository, log, signal, () => pushIndex(repository, commit, images, registries, signal));
  }
}

/** Builds, and looks whether the image says that it is for the platform. */
async function buildFor(
  platform: string,
  own: string,
  order: Pick<BuildOrder, 'plan' | 'tag'>,
  tools: BuildTools,
  log: AttemptLog,
  signal: AbortSignal,
): Promise<void> {
  const foreign = platform !== own;
  // The engine's own needs no word.
  const wanted = { ...order, platform: foreign ? platform : undefined };
  try {
    await build(tools, wanted, log, signal);
    if (isFor(platform, await inspect())) return;
    // The classic builder remembers a step upon nothing (FROM scratch) without its platform.
    log.line(`the image is not for ${platform}: building without what the engine remembers`);
    await build(tools, { ...wanted, anew: true }, log, signal);
  } catch (error) {
    if (!foreign || !(error instanceof JobRefused) || error.exitCode === undefined) throw error;
    const remedy =
      'give its machine an emulator (binfmt_misc), or compile in a stage that begins with FROM --platform=$BUILDPLATFORM';
    const words = `${error.message} (building for ${platform}; this engine runs programs of ${own}: if that is why, ${remedy})`;
    throw new JobRefused('image-build', words, error.exitCode);
  }
  const built = await inspect();
  if (isFor(platform, built)) return;
  throw new JobRefused(
    'image-build',
    `The image that was built for ${platform} is one for ${built.Os}/${built.Architecture}: take a base image that there is for ${platform}.`,
  );

  async function inspect(): Promise<Docker.ImageInspectInfo> {
    return tools.docker.getImage(order.tag).inspect();
  }
}

/** Engines leave out the variant that goes without saying, as in linux/arm64/v8. */
function isFor(platform: string, { Os, Architecture, Variant = '' }: Docker.ImageInspectInfo): boolean {
  const [os, architecture, variant] = platform.split('/');
  return os === Os && architecture === Architecture && (variant === undefined || Variant === '' || variant === Variant);
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
