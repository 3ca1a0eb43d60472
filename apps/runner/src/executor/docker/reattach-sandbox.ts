import { DockerSandbox } from './docker-sandbox.ts';
import { removeSandbox } from './prepare-sandbox.ts';
import type { SandboxOptions } from './prepare-sandbox.ts';

/** Finds the containers of an attempt by their labels. Undefined when the job's own does not run any more. */
export async function reattachSandbox(
  path: string,
  { docker, names, networks }: SandboxOptions,
): Promise<DockerSandbox | undefined> {
  const label = Object.entries(names.labels).map(([name, value]) => `${name}=${value}`);
  const found = await docker.listContainers({ all: true, filters: { label } });
  const job = found.find(({ Names }) => Names.includes(`/${names.base}`));
  if (job?.State !== 'running') return undefined;
  const container = docker.getContainer(job.Id);
  const { NetworkMode = '' } = (await container.inspect()).HostConfig;
  const network = networks.takeUp(NetworkMode);
  const containers = found.map(({ Id }) => docker.getContainer(Id));
  return new DockerSandbox({ job: container, base: names.base, path }, () =>
    removeSandbox(containers, network, { docker, names, networks }),
  );
}
