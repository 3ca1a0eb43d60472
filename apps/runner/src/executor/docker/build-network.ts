import type Docker from 'dockerode';
import type { AttemptLog } from '../../log/attempt-log.ts';
import type { ImagePlan } from '../executor.port.ts';
import { containerLimits } from './container-limits.ts';
import { ATTEMPT_LABEL, RUNNER_LABEL } from './docker-names.ts';
import { KEEPER } from './job-container.ts';
import type { JobReach } from './job-reach.ts';
import type { NetworkShelf } from './network-shelf.ts';
import { createContainer, pullImage } from './pull-image.ts';
import { removeParts } from './remove-attempt.ts';

export interface BuildNetworkParts extends JobReach {
  readonly docker: Docker;
  readonly runner: string;
  readonly networks: NetworkShelf;
  readonly helperImage: string | undefined;
}

/**
 * Builds with the network mode of a container that does nothing but hold a network of jobs: a builder takes no address for its own
 * containers, but lets them share another one's network, with all that it is kept from. Without an image for it, the engine's own network.
 */
export async function inBuildNetwork<T>(
  plan: ImagePlan,
  { docker, runner, networks, metadata, nameServers, helperImage }: BuildNetworkParts,
  log: AttemptLog,
  signal: AbortSignal,
  build: (networkMode: string | undefined) => Promise<T>,
): Promise<T> {
  if (helperImage === undefined) return build(undefined);
  const network = networks.take();
  const containers: Docker.Container[] = [];
  try {
    const holder = await createContainer(
      docker,
      {
        Image: helperImage,
        Labels: { [RUNNER_LABEL]: runner, [ATTEMPT_LABEL]: plan.attemptId },
        Entrypoint: ['sh', '-c', KEEPER],
        Cmd: [],
        OpenStdin: true,
        HostConfig: {
          ...containerLimits({ cpus: 1, memoryMiB: 32, pids: 20 }),
          NetworkMode: network.name,
          Dns: [...nameServers],
          LogConfig: { Type: 'none', Config: {} },
        },
        NetworkingConfig: { EndpointsConfig: { [network.name]: metadata.endpoint } },
      },
      () => pullImage(docker, helperImage, plan.registries, log, signal),
    );
    containers.push(holder);
    await network.made;
    await holder.start();
    await metadata.prove(holder);
    return await build(`container:${holder.id}`);
  } finally {
    // What would not go is the sweep's, which also says so; the image is built all the same.
    await removeParts({ containers, networks: [], volumes: [] })
      .then(() => networks.giveBack(network))
      .catch(() => networks.abandon(network));
  }
}
