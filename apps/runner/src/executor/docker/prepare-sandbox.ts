import type Docker from 'dockerode';
import type { AttemptLog } from '../../log/attempt-log.ts';
import { JobRefused } from '../executor.port.ts';
import type { SandboxPlan } from '../executor.port.ts';
import { containerLimits } from './container-limits.ts';
import type { AttemptNames } from './docker-names.ts';
import { WORKSPACE } from './docker-names.ts';
import { DockerSandbox } from './docker-sandbox.ts';
import { toTrouble, wordsOf } from './engine-trouble.ts';
import type { MetadataDenial } from './metadata-denial.ts';
import type { LentNetwork, NetworkShelf } from './network-shelf.ts';
import { createContainer, pullImage } from './pull-image.ts';
import { removeParts } from './remove-attempt.ts';
import { awaitServices } from './start-services.ts';
import type { RunningService } from './start-services.ts';

/** Stays until it is removed and, by `wait`, buries the orphans that steps leave behind. An image without `sleep` gets a plain read. */
export const KEEPER =
  'if command -v sleep >/dev/null 2>&1; then while :; do sleep 3600 & wait $!; done; else while :; do read -r _; done; fi';

export interface SandboxOptions {
  readonly docker: Docker;
  readonly names: AttemptNames;
  readonly networks: NetworkShelf;
}

export interface NewSandboxOptions extends SandboxOptions {
  readonly metadata: MetadataDenial;
}

/**
 * Network, containers and checkout are made side by side: the engine takes a container whose network comes a moment later, and
 * the tree is written into the workspace volume while the container starts. Removes everything again when it throws.
 */
export async function prepareSandbox(
  plan: SandboxPlan,
  { docker, names, networks, metadata }: NewSandboxOptions,
  log: AttemptLog,
  signal: AbortSignal,
): Promise<DockerSandbox> {
  const containers: Docker.Container[] = [];
  const network = networks.take();
  const { made } = network;
  const destroy = (): Promise<void> => removeSandbox(containers, network, { docker, names, networks });
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
    const container = await start(await create(serviceContainer(plan, names, network.name, name, metadata)));
    return { name, container, spec };
  });
  const job = create(jobContainer(plan, names, network.name, metadata));
  const filled = Promise.all([job, plan.source]).then(async ([container, source]) => {
    const tar = await source.tar();
    await container.putArchive(tar, { path: WORKSPACE, abortSignal: signal });
  });
  const started = job.then(start).catch((error: unknown) => {
    throw noShell(error)
      ? new JobRefused('image-without-shell', `The image ${plan.work.image} has no \`sh\` to run steps with.`)
      : error;
  });

  const proven = started.then((container) => metadata.prove(container));

  const making = [made, started, proven, ...services] as const;
  try {
    const [container, running] = await Promise.all([started, Promise.all(services), filled, made, proven]);
    await awaitServices(container, running, log, signal);
    return new DockerSandbox({ job: container, base: names.base, path: plan.path }, destroy);
  } catch (error) {
    await Promise.allSettled(making);
    await destroy();
    throw toTrouble(error, "prepare the job's containers");
  }
}

/** The job's container and its services, then its workspace; the network is kept for another job. */
export async function removeSandbox(
  containers: readonly Docker.Container[],
  network: LentNetwork,
  { docker, names, networks }: SandboxOptions,
): Promise<void> {
  try {
    await removeParts({ containers, networks: [], volumes: [docker.getVolume(names.base)] });
  } catch (error) {
    networks.abandon(network);
    throw error;
  }
  await networks.giveBack(network);
}

function jobContainer(
  { work }: SandboxPlan,
  { base, labels }: AttemptNames,
  network: string,
  { endpoint }: MetadataDenial,
): Docker.ContainerCreateOptions & { Image: string } {
  return {
    name: base,
    Image: work.image ?? '',
    Labels: labels,
    Hostname: 'job',
    // The tree belongs to root, whatever user the image names.
    User: '0:0',
    Entrypoint: ['sh', '-c', KEEPER],
    Cmd: [],
    OpenStdin: true,
    WorkingDir: WORKSPACE,
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      ...containerLimits(work.resources),
      NetworkMode: network,
      LogConfig: { Type: 'none', Config: {} },
      Mounts: [
        {
          Type: 'volume',
          Source: base,
          Target: WORKSPACE,
          VolumeOptions: { NoCopy: true, Labels: labels, DriverConfig: {} },
        } as unknown as Docker.MountConfig[number],
      ],
    },
    NetworkingConfig: { EndpointsConfig: { [network]: endpoint } },
  };
}

function serviceContainer(
  { work }: SandboxPlan,
  { base, labels }: AttemptNames,
  network: string,
  name: string,
  { endpoint }: MetadataDenial,
): Docker.ContainerCreateOptions & { Image: string } {
  const spec = work.services[name];
  return {
    name: `${base}-${name}`,
    Image: spec?.image ?? '',
    Labels: labels,
    Hostname: name,
    Env: Object.entries(spec?.env ?? {}).map(([key, value]) => `${key}=${value}`),
    HostConfig: {
      ...containerLimits(work.resources),
      NetworkMode: network,
      LogConfig: { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '1' } },
    },
    NetworkingConfig: { EndpointsConfig: { [network]: { ...endpoint, Aliases: [name] } } },
  };
}

function noShell(error: unknown): boolean {
  return /"sh".*(executable file not found|no such file)/i.test(wordsOf(error));
}
