import { existsSync } from 'node:fs';
import { OWNER_LABEL, type DockerEngine } from '@sluice/testing';

type Docker = DockerEngine['docker'];

/** Containers of a lane, stopped ones too: the target labels them with service and environment. */
export async function containersOfLane(
  docker: Docker,
  network: string,
  service: string,
  environment: string,
  all = false,
) {
  const found = await docker.listContainers({
    all,
    filters: { label: [`sluice.service=${service}`, `sluice.environment=${environment}`] },
  });
  return found.filter(({ NetworkSettings }) => Object.hasOwn(NetworkSettings?.Networks ?? {}, network));
}

/** Removes what a world released, and its networks: those whose name begins with the prefix. */
export async function removeReleased(docker: Docker, networkPrefix: string): Promise<void> {
  const networks = (await docker.listNetworks({ filters: { name: [networkPrefix] } })).filter(({ Name }) =>
    Name.startsWith(networkPrefix),
  );
  const names = new Set(networks.map(({ Name }) => Name));
  const containers = await docker.listContainers({ all: true, filters: { label: ['sluice.environment'] } });
  const ours = containers.filter(({ NetworkSettings }) =>
    Object.keys(NetworkSettings?.Networks ?? {}).some((name) => names.has(name)),
  );
  await Promise.all(
    ours.map(({ Id }) =>
      docker
        .getContainer(Id)
        .remove({ force: true, v: true })
        .catch(() => undefined),
    ),
  );
  await Promise.all(
    networks.map(({ Id }) =>
      docker
        .getNetwork(Id)
        .remove()
        .catch(() => undefined),
    ),
  );
}

/** What runs of the suite left behind that were ended before they could clean up. */
export async function removeAbandoned(docker: Docker): Promise<void> {
  const networks = await docker.listNetworks({ filters: { name: ['sluice-e2e-'] } });
  const owners = new Set(
    networks.map(({ Name }) => /^sluice-e2e-(\d+)-/.exec(Name)?.[1]).filter((pid) => pid !== undefined),
  );
  for (const pid of owners) if (!existsSync(`/proc/${pid}`)) await removeReleased(docker, `sluice-e2e-${pid}-`);
  const runners = await docker.listContainers({ all: true, filters: { label: [OWNER_LABEL] } });
  for (const { Id, Labels } of runners)
    if (!existsSync(`/proc/${Labels[OWNER_LABEL]}`))
      await docker
        .getContainer(Id)
        .remove({ force: true, v: true })
        .catch(() => undefined);
}
