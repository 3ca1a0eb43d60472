import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { assembleBaseImages } from '../base-images/provide-base-images.ts';
import type { DockerEngine } from '../parts/docker-engine.ts';
import { temporaryFolder } from '../parts/temporary-folder.ts';

const PREPARE = `
const { prepareContext } = await import(process.argv[1]);
prepareContext({ target: process.argv[2], only: ['runner'] });
`;

/** Builds the runner's image as it is shipped, from the programs that `npm run build` made, on a base that needs no network. */
export async function buildRunnerImage(
  root: string,
  { docker, address }: Pick<DockerEngine, 'docker' | 'address'>,
  tag: string,
): Promise<void> {
  await assembleBaseImages({ docker, only: ['base/busybox:1', 'base/node-dev:24'] });
  const context = temporaryFolder('runner-image');
  try {
    const prepare = pathToFileURL(join(root, 'docker/prepare-context.mjs')).href;
    const target = join(context.path, 'docker/dist');
    await execa(process.execPath, ['--input-type=module', '-e', PREPARE, prepare, target]);
    const args = [
      'BUILD_IMAGE=sluice-base/busybox:1',
      'BASE_IMAGE=sluice-base/node-dev:24',
      'SOURCES=docker/dist/runner',
    ].flatMap((arg) => ['--build-arg', arg]);
    const file = join(root, 'docker/runner.Dockerfile');
    await execa('docker', ['build', '-q', '-f', file, '-t', tag, ...args, context.path], {
      env: { DOCKER_HOST: address },
    });
  } finally {
    context.remove();
  }
}
