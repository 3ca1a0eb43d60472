import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import { eventually } from '@sluice/testing';
import { timed } from './bench.ts';

/** What the script of one pipeline works with. */
export interface ScriptedPipeline {
  readonly docker: Docker;
  readonly registryHost: string;
  /** With a Dockerfile and `www`. */
  readonly folder: string;
  /** An empty network for its jobs: the product keeps those of ended jobs too, so neither makes one here. */
  readonly network: string;
  /** Host port of what is released; what was released there before is replaced. */
  readonly port: number;
}

const LABEL = 'bench.limit';

export type ScriptedStage = 'commit' | 'build' | 'test' | 'release';

/**
 * The calls to the engine of a four-stage trivial pipeline, one container a job, and nothing else: no git, no server, no log. Returns what
 * each stage took, in ms.
 */
export async function runScript(pipeline: ScriptedPipeline): Promise<Record<ScriptedStage, number>> {
  const { docker, registryHost, folder, network, port } = pipeline;
  const tag = randomUUID();
  const image = `${registryHost}/bench/limit:${tag}`;
  const build = async () => {
    const context = { context: folder, src: ['Dockerfile', 'www'] };
    await follow(
      docker,
      await docker.buildImage(context, { t: image, version: '2', buildargs: { SLUICE_COMMIT: tag } }),
    );
    const authconfig = { username: 'x', password: 'x', serveraddress: registryHost };
    await follow(docker, await docker.getImage(image).push({ authconfig }));
  };
  return {
    commit: await timed(() => job(docker, `${registryHost}/base/busybox:1`, network)),
    build: await timed(build),
    test: await timed(() => job(docker, image, network)),
    release: await timed(() => release(docker, image, port)),
  };
}

/** A network for the jobs of one script at a time. */
export async function withNetworks<T>(
  docker: Docker,
  count: number,
  work: (names: readonly string[]) => Promise<T>,
): Promise<T> {
  const networks = await Promise.all(
    Array.from({ length: count }, () => docker.createNetwork({ Name: `bench-${randomUUID()}` })),
  );
  try {
    return await work(networks.map(({ id }) => id));
  } finally {
    await Promise.all(networks.map((network) => network.remove()));
  }
}

/** Workspace volume, container, one exec, and both away again. */
async function job(docker: Docker, image: string, network: string): Promise<void> {
  const volume = await docker.createVolume({});
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: ['sh', '-c', 'sleep 600'],
    HostConfig: { NetworkMode: network, Binds: [`${volume.name}:/workspace`] },
  });
  await container.start();
  const exec = await container.exec({ Cmd: ['sh', '-e', '-c', 'true'], AttachStdout: true });
  const stream = await exec.start({});
  stream.resume();
  await new Promise((resolve) => stream.once('end', resolve));
  await exec.inspect();
  await container.remove({ force: true });
  await docker.getVolume(volume.name).remove();
}

async function release(docker: Docker, image: string, port: number): Promise<void> {
  await follow(docker, (await docker.pull(image)) as NodeJS.ReadableStream);
  const old = await docker.listContainers({ filters: { label: [`${LABEL}=${port}`] } });
  for (const one of old) await docker.getContainer(one.Id).stop({ t: 0 });
  const container = await docker.createContainer({
    Image: image,
    Labels: { [LABEL]: String(port) },
    ExposedPorts: { '8080/tcp': {} },
    HostConfig: { PortBindings: { '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }] } },
  });
  await container.start();
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok, {
    everyMs: 20,
    describe: 'the container to answer',
  });
  for (const one of old) await docker.getContainer(one.Id).remove({ force: true });
}

function follow(docker: Docker, stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) =>
    docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve())),
  );
}

/** Each script's last container is left by its last round. */
export async function removeLimitContainers(docker: Docker): Promise<void> {
  const left = await docker.listContainers({ all: true, filters: { label: [LABEL] } });
  await Promise.all(left.map(({ Id }) => docker.getContainer(Id).remove({ force: true })));
}
