import type Docker from 'dockerode';
import type { StepsWork } from '../executor.port.ts';
import { containerLimits } from './container-limits.ts';
import type { AttemptNames } from './docker-names.ts';
import { WORKSPACE } from './docker-names.ts';
import type { JobReach } from './job-reach.ts';

/** Stays until it is removed and, by `wait`, buries the orphans that steps leave behind. An image without `sleep` gets a plain read. */
export const KEEPER =
  'if command -v sleep >/dev/null 2>&1; then while :; do sleep 3600 & wait $!; done; else while :; do read -r _; done; fi';

/** The container that steps run in. Nothing in it tells one job from another, so it may be started before its job comes. */
export function jobContainer(
  { image, resources }: Pick<StepsWork, 'image' | 'resources'>,
  { base, labels }: AttemptNames,
  network: string,
  { metadata, nameServers }: JobReach,
): Docker.ContainerCreateOptions & { Image: string } {
  return {
    name: base,
    Image: image ?? '',
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
      ...containerLimits(resources),
      NetworkMode: network,
      Dns: [...nameServers],
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
    NetworkingConfig: { EndpointsConfig: { [network]: metadata.endpoint } },
  };
}
