import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import type Docker from 'dockerode';
import { ensureDebianPackages } from '../parts/debian-packages.ts';
import { withFileLock } from '../parts/file-lock.ts';
import { manifestDigest } from '../parts/manifest-digest.ts';
import { temporaryFolder } from '../parts/temporary-folder.ts';
import { baseImageRecipes, JOB_IMAGES } from './base-image-recipes.ts';
import type { BaseImageName, BaseImageRecipe } from './base-image-recipes.ts';
import { fingerprintLines, writeRootFileSystem } from './root-file-system.ts';
import type { ImageContent } from './root-file-system.ts';

export { JOB_IMAGES, PRODUCT_IMAGES, type BaseImageName } from './base-image-recipes.ts';

export interface BaseImagesOptions {
  readonly docker: Docker;
  readonly registry: { readonly url: string; readonly host: string };
  /** Those that jobs run in when left out. */
  readonly only?: readonly BaseImageName[];
  /** Node 24 for `base/node:24`; the one that runs this when left out. */
  readonly nodeBinary?: string;
  readonly report?: (line: string) => void;
}

export interface BaseImage {
  readonly name: BaseImageName;
  /** As a Dockerfile or job names it: `127.0.0.1:5000/base/node:24`. */
  readonly reference: string;
  /** The registry's digest of it. */
  readonly digest: string;
}

/** Raise it when the way images are put together changes, so that kept ones are made anew. */
const RECIPE_VERSION = 1;
const FINGERPRINT_LABEL = 'io.sluice.base-image.fingerprint';

/**
 * Assembles small base images from programs of this machine and pushes them to the loopback registry, where no public
 * registry can be reached. What is already there with the same content is left alone.
 */
export async function provideBaseImages({ registry, ...options }: BaseImagesOptions): Promise<readonly BaseImage[]> {
  return withRecipes(options, async (recipe) => {
    const local = await assemble(options.docker, recipe, options.report);
    return publish(options.docker, registry, recipe.name, local, options.report);
  });
}

/** As `provideBaseImages`, for this engine alone. Returns the names that the engine knows them by, in the order of `only`. */
export async function assembleBaseImages(
  options: Omit<BaseImagesOptions, 'registry'> & { readonly only: readonly BaseImageName[] },
): Promise<readonly string[]> {
  await withRecipes(options, (recipe) => assemble(options.docker, recipe, options.report));
  return options.only.map(localName);
}

async function withRecipes<T>(
  { only = JOB_IMAGES, nodeBinary, report }: Omit<BaseImagesOptions, 'registry'>,
  work: (recipe: BaseImageRecipe) => Promise<T>,
): Promise<readonly T[]> {
  const recipes = baseImageRecipes(checkedNode(nodeBinary)).filter(({ name }) => only.includes(name));
  const packages = new Set(recipes.flatMap((recipe) => recipe.packages));
  await ensureDebianPackages(['busybox-static', 'tar', ...packages], report === undefined ? {} : { report });
  return withFileLock('base-images', async () => {
    const done: T[] = [];
    for (const recipe of recipes) done.push(await work(recipe));
    return done;
  });
}

/** Kept under a name without a registry, so that another registry's start needs the push only. */
function localName(name: BaseImageName): string {
  return `sluice-${name}`;
}

async function assemble(
  docker: Docker,
  { name, command, changes = [], content: contentOf }: BaseImageRecipe,
  report?: (line: string) => void,
): Promise<KeptImage> {
  const content = await contentOf();
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([RECIPE_VERSION, process.arch, command, ...changes, fingerprintLines(content)]))
    .digest('hex');
  const local = localName(name);
  const kept = await inspect(docker, local);
  if (kept?.fingerprint === fingerprint) return kept;
  report?.(`assembling ${name}`);
  await importImage(docker, local, [`CMD ${JSON.stringify(command)}`, ...changes], fingerprint, content);
  const made = await inspect(docker, local);
  if (made === undefined) throw new Error(`The container engine lost the image ${local} right after it was made.`);
  if (kept !== undefined) await removeNameless(docker, kept.id);
  return made;
}

async function publish(
  docker: Docker,
  registry: BaseImagesOptions['registry'],
  name: BaseImageName,
  kept: KeptImage,
  report?: (line: string) => void,
): Promise<BaseImage> {
  const reference = `${registry.host}/${name}`;
  const [repository = '', tag = ''] = name.split(':');
  const pushed = await manifestDigest(registry.url, repository, tag);
  const tagged = (await inspect(docker, reference))?.id === kept.id;
  if (tagged && pushed !== undefined && kept.digests.includes(`${registry.host}/${repository}@${pushed}`))
    return { name, reference, digest: pushed };
  report?.(`pushing ${name} to ${registry.host}`);
  await docker.getImage(localName(name)).tag({ repo: `${registry.host}/${repository}`, tag });
  return { name, reference, digest: await push(docker, reference) };
}

/** One with another name is somebody's; one with a container or an image on top of it stays by itself. */
async function removeNameless(docker: Docker, id: string): Promise<void> {
  const found = await docker
    .getImage(id)
    .inspect()
    .catch(() => undefined);
  if (found === undefined || [found.RepoTags, found.RepoDigests].flat().length > 0) return;
  await docker
    .getImage(id)
    .remove()
    .catch(() => undefined);
}

interface KeptImage {
  readonly id: string;
  readonly fingerprint: string | undefined;
  readonly digests: readonly string[];
}

async function inspect(docker: Docker, reference: string): Promise<KeptImage | undefined> {
  try {
    const { Id, Config, RepoDigests } = await docker.getImage(reference).inspect();
    return { id: Id, fingerprint: Config.Labels?.[FINGERPRINT_LABEL], digests: RepoDigests ?? [] };
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}

async function importImage(
  docker: Docker,
  reference: string,
  changes: readonly string[],
  fingerprint: string,
  content: ImageContent,
): Promise<void> {
  const folder = temporaryFolder('base-image');
  try {
    writeRootFileSystem(folder.path, content);
    chmodSync(folder.path, 0o755);
    for (const open of ['tmp', 'var/tmp']) chmodSync(`${folder.path}/${open}`, 0o1777);
    const tar = spawn(
      'tar',
      ['--create', '--directory', folder.path, '--owner=0', '--group=0', '--numeric-owner', '--sort=name', '.'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const at = reference.lastIndexOf(':');
    const answer = await docker.importImage(tar.stdout, {
      repo: reference.slice(0, at),
      tag: reference.slice(at + 1),
      changes: ['ENV PATH=/usr/local/bin:/usr/bin:/bin', ...changes, `LABEL ${FINGERPRINT_LABEL}=${fingerprint}`],
    });
    await follow(docker, answer);
    if (tar.exitCode === null) await finished(tar.stdout);
  } finally {
    folder.remove();
  }
}

async function push(docker: Docker, reference: string): Promise<string> {
  // Any non-empty sign-in will do: the registry on loopback asks for none, and the engine's API wants the header.
  const progress = await follow(
    docker,
    await docker.getImage(reference).push({ authconfig: { username: '', password: '', serveraddress: '' } }),
  );
  const digest = progress.map((step) => step.aux?.Digest).find((found) => found !== undefined);
  if (digest === undefined) throw new Error(`The push of ${reference} ended without a digest from the registry.`);
  return digest;
}

interface Progress {
  readonly error?: string;
  readonly aux?: { readonly Digest?: string };
}

/** Waits for the end of an engine operation; its failure arrives inside the stream, not as a status. */
function follow(docker: Docker, stream: NodeJS.ReadableStream): Promise<readonly Progress[]> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error: Error | null, steps: Progress[]) => {
      const failed = steps?.find((step) => step.error !== undefined)?.error;
      if (error !== null || failed !== undefined)
        reject(new Error(`The container engine said: ${failed ?? error?.message}`, { cause: error }));
      else resolve(steps);
    });
  });
}

function checkedNode(nodeBinary: string | undefined): string {
  if (nodeBinary !== undefined) return nodeBinary;
  if (!process.version.startsWith('v24.'))
    throw new Error(`The base image needs Node 24 and this is ${process.version}: run it with node_modules/.bin/node.`);
  return process.execPath;
}
