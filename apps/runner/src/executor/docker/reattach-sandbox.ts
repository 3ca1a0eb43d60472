import { ATTEMPT_LABEL, RUNNER_LABEL, WORKSPACE } from './docker-names.ts';
import { DockerSandbox } from './docker-sandbox.ts';
import { removeSandbox } from './prepare-sandbox.ts';
import type { SandboxOptions } from './prepare-sandbox.ts';

/** Finds the containers of an attempt, the job's own by its name. Undefined when that one does not run any more. */
export async function reattachSandbox(path: string, options: SandboxOptions): Promise<DockerSandbox | undefined> {
  const { docker, names, networks, warm } = options;
  const label = [`${RUNNER_LABEL}=${names.labels[RUNNER_LABEL]}`];
  const found = await docker.listContainers({ all: true, filters: { label } });
  const job = found.find(({ Names }) => Names.includes(`/${names.base}`));
  if (job?.State !== 'running') return undefined;
  const container = docker.getContainer(job.Id);
  const { HostConfig, Mounts } = await container.inspect();
  const network = networks.takeUp(HostConfig.NetworkMode ?? '');
  const volume = Mounts.find(({ Destination }) => Destination === WORKSPACE)?.Name ?? names.base;
  warm.takeUp(names.base, volume);
  const services = found.filter((one) => one !== job && one.Labels[ATTEMPT_LABEL] === names.labels[ATTEMPT_LABEL]);
  const containers = [container, ...services.map(({ Id }) => docker.getContainer(Id))];
  return new DockerSandbox({ job: container, base: names.base, path }, () =>
    removeSandbox({ containers, network, volume }, options),
  );
}
