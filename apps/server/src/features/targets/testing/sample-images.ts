import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  manifestDigest,
  provideBaseImages,
  startDockerEngine,
  startRegistry,
  type DockerEngine,
  type Registry,
} from '@sluice/testing';

/** Small services with known behaviour, on a registry of their own. */
export interface SampleImages {
  readonly engine: DockerEngine;
  readonly registry: Registry;
  /** Digest by sample. */
  readonly digests: Readonly<Record<SampleName, string>>;
  /** `127.0.0.1:5000/samples/catalog` */
  readonly repository: string;
  stop(): Promise<void>;
}

/**
 * Each listens on 8080, except `exits`, which prints the variable TOKEN and ends with 3. `sick` answers 404 to /healthz. Only
 * `snake` holds a program that can ask for a page from inside.
 */
const SAMPLES = {
  first: { base: 'busybox', health: 'first', command: ['httpd', '-f', '-p', '8080', '-h', '/www'] },
  second: { base: 'busybox', health: 'second', command: ['httpd', '-f', '-p', '8080', '-h', '/www'] },
  sick: {
    base: 'busybox',
    health: null,
    command: ['sh', '-c', 'echo the token is $TOKEN; exec httpd -f -p 8080 -h /www'],
  },
  exits: { base: 'busybox', health: null, command: ['sh', '-c', 'echo the token is $TOKEN; exit 3'] },
  snake: { base: 'python', health: 'snake', command: ['python3', '-m', 'http.server', '8080', '--directory', '/www'] },
} as const;
export type SampleName = keyof typeof SAMPLES;

export async function sampleImages(folder: string): Promise<SampleImages> {
  const engine = await startDockerEngine({ stateDir: folder });
  const registry = await startRegistry({ dataDir: join(folder, 'registry') });
  const bases = await provideBaseImages({ docker: engine.docker, registry, only: ['base/busybox:1', 'base/python:3'] });
  const repository = `${registry.host}/samples/catalog`;
  const digests: Record<string, string> = {};
  for (const [name, { base, health, command }] of Object.entries(SAMPLES)) {
    const from = bases.find((one) => one.name.startsWith(`base/${base}`))!;
    const context = join(folder, name);
    mkdirSync(join(context, 'www'), { recursive: true });
    writeFileSync(join(context, 'www', health === null ? 'other' : 'healthz'), health ?? name);
    writeFileSync(
      join(context, 'Dockerfile'),
      `FROM ${from.reference}\nSTOPSIGNAL SIGKILL\nCOPY www /www\nCMD ${JSON.stringify(command)}\n`,
    );
    const built = await engine.docker.buildImage(
      { context, src: ['Dockerfile', 'www'] },
      { t: `${repository}:${name}` },
    );
    await followed(engine, built);
    const image = engine.docker.getImage(`${repository}:${name}`);
    await followed(engine, await image.push({ authconfig: { username: '', password: '', serveraddress: '' } }));
    digests[name] = (await manifestDigest(registry.url, 'samples/catalog', name))!;
    // A tag would keep the image on the engine: the target has to pull it.
    await image.remove();
  }
  const stop = async () => {
    for (const { Id } of await engine.docker.listImages({ filters: { reference: [repository] } }))
      await engine.docker.getImage(Id).remove({ force: true });
    for (const { reference } of bases)
      await engine.docker
        .getImage(reference)
        .remove()
        .catch(() => undefined);
    await registry.stop();
    await engine.stop();
  };
  return { engine, registry, repository, digests: digests as SampleImages['digests'], stop };
}

function followed({ docker }: DockerEngine, stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error: Error | null, steps: { error?: string }[]) => {
      const refused = steps?.find((step) => step.error)?.error;
      if (error !== null || refused !== undefined) reject(error ?? new Error(refused));
      else resolve();
    });
  });
}
