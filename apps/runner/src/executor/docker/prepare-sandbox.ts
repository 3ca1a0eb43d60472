import type Docker from 'dockerode';
import type { AttemptLog } from '../../log/attempt-log.ts';
import { JobRefused } from '../executor.port.ts';
import type { SandboxPlan } from '../executor.port.ts';
import { containerLimits } from './container-limits.ts';
import type { AttemptNames } from './docker-names.ts';
import { WORKSPACE } from './docker-names.ts';
import { DockerSandbox } from './docker-sandbox.ts';
import { toTrouble, wordsOf } from './engine-trouble.ts';
import { jobContainer } from './job-container.ts';
import type { JobReach } from './job-reach.ts';
import type { LentNetwork, NetworkShelf } from './network-shelf.ts';
import { createContainer, pullImage } from './pull-image.ts';
import { removeParts } from './remove-attempt.ts';
import { awaitServices } from './start-services.ts';
import type { RunningService } from './start-services.ts';
import type { WarmShelf } from './warm-shelf.ts';

export interface SandboxOptions {
  readonly docker: Docker;
  readonly names: AttemptNames;
  readonly networks: NetworkShelf;
  readonly warm: WarmShelf;
}

export type NewSandboxOptions = SandboxOptions & JobReach;

/**
 * Network, containers and checkout are made side by side: the engine takes a container whose network comes a moment later, and
 * the tree is written into the workspace volume while the container starts, unless one was started before. Removes everything again when it throws.
 */
export async function prepareSandbox(
  plan: SandboxPlan,
  options: NewSandboxOptions,
  log: AttemptLog,
  signal: AbortSignal,
): Promise<DockerSandbox> {
  const { docker, names, networks, warm, metadata } = options;
  const ready = await warm.take(plan.work, names.base);
  const containers = ready === undefined ? [] : [ready.container];
  const network = ready?.network ?? networks.take();
  const { made } = network;
  const volume = ready?.volume ?? names.base;
  const destroy = (): Promise<void> => removeSandbox({ containers, network, volume }, options);
  const create = async (options: Docker.ContainerCreateOptions & { Image: string }): Promise<Docker.Container> => {
    const container = await createContainer(docker, options, () =>
      pullImage(docker, options.Image, plan.registries, log, signal),
    );
    containers.push(container);
    return container;
  };
  const start = async (container: Docker.Container): Promise<Docker.Container> => {
    await made;
    signal.throwIfAborted();
    await container.start();
    return container;
  };

  const services = Object.entries(plan.work.services).map(async ([name, spec]): Promise<RunningService> => {
    const container = await start(await create(serviceContainer(plan, names, network.name, name, options)));
    return { name, container, spec };
  });
  const job = ready ? Promise.resolve(ready.container) : create(jobContainer(plan.work, names, network.name, options));
  const filled = Promise.all([job, plan.source]).then(async ([container, source]) => {
    const tar = await source.tar();
    await container.putArchive(tar, { path: WORKSPACE, abortSignal: signal });
  });
  const started = (ready ? job : job.then(start)).catch((error: unknown) => {
    throw noShell(error)
      ? new JobRefused('image-without-shell', `The image ${plan.work.image} has no \`sh\` to run steps with.`)
      : error;
  });

  const proven = started.then((container) => metadata.prove(container));

  const making = [made, started, proven, ...services] as const;
  try {
    const [container, running] = await Promise.all([started, Promise.all(services), filled, made, proven]);
    await awaitServices(container, running, log, signal);
    return new DockerSandbox({ job: container, base: names.base, path: plan.path }, async () => {
      await destroy();
      warm.used(plan.work);
    });
  } catch (error) {
    await Promise.allSettled(making);
    await destroy();
    throw toTrouble(error, "prepare the job's containers");
  }
}

export interface SandboxParts {
  readonly containers: readonly Docker.Container[];
  readonly network: LentNetwork;
  /** Name of the workspace's. */
  readonly volume: string;
}

/** The job's container and its services, then its workspace; the network is kept for another job. */
export async function removeSandbox(
  { containers, network, volume }: SandboxParts,
  { docker, names, networks, warm }: SandboxOptions,
): Promise<void> {
  try {
    await removeParts({ containers, networks: [], volumes: [docker.getVolume(volume)] });
  } catch (error) {
    networks.abandon(network);
    throw error;
  } finally {
    warm.forget(names.base, volume);
  }
  await networks.giveBack(network);
}

function serviceContainer(
  { work }: SandboxPlan,
  { base, labels }: AttemptNames,
  network: string,
  name: string,
  { metadata, nameServers }: JobReach,
): Docker.ContainerCreateOptions & { Image: string } {
  const spec = work.services[name];
  return {
    name: `${base}-${name}`,
    Image: spec?.image ?? '',
    Labels: labels,
    Hostname: name,
    ...(spec?.command === undefined ? {} : { Cmd: spec.command }),
    Env: Object.entries(spec?.env ?? {}).map(([key, value]) => `${key}=${value}`),
    HostConfig: {
      ...containerLimits(work.resources),
      NetworkMode: network,
      Dns: [...nameServers],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '1' } },
    },
    NetworkingConfig: { EndpointsConfig: { [network]: { ...metadata.endpoint, Aliases: [name] } } },
  };
}

function noShell(error: unknown): boolean {
  return /"sh".*(executable file not found|no such file)/i.test(wordsOf(error));
}
