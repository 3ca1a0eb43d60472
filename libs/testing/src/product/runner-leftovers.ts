import type Docker from 'dockerode';

/**
 * Removes everything in the engine that carries the label of a runner, and names it: only for one that has ended and never comes back, since
 * after a kill the next start of a runner does that itself.
 */
export async function removeRunnerLeftovers(docker: Docker, identity: string): Promise<string[]> {
  const filters = { label: [`sluice.runner=${identity}`] };
  const containers = await docker.listContainers({ all: true, filters });
  await Promise.all(containers.map(({ Id }) => docker.getContainer(Id).remove({ force: true, v: true })));
  const [networks, { Volumes: volumes }] = await Promise.all([
    docker.listNetworks({ filters }),
    docker.listVolumes({ filters }),
  ]);
  await Promise.all([
    ...networks.map(({ Id }) => docker.getNetwork(Id).remove()),
    ...volumes.map(({ Name }) => docker.getVolume(Name).remove({ force: true })),
  ]);
  return [
    ...containers.map(({ Names }) => `container ${Names[0]}`),
    ...networks.map(({ Name }) => `network ${Name}`),
    ...volumes.map(({ Name }) => `volume ${Name}`),
  ];
}
