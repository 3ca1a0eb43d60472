import type Docker from 'dockerode';
import type { DeploymentIntent, OpenedTargetSecrets } from '../target.port.ts';
import { dockerSettings, imageName } from './docker-plan.ts';

export const LABELS = {
  lane: 'sluice.lane',
  service: 'sluice.service',
  environment: 'sluice.environment',
  deployment: 'sluice.deployment',
  digest: 'sluice.digest',
  commit: 'sluice.commit',
} as const;

const GIB = 1024 ** 3;
/** What common servers need to bind a low port and step down from root; nothing that reaches the host. */
const CAPABILITIES = ['CHOWN', 'KILL', 'NET_BIND_SERVICE', 'SETGID', 'SETUID'];

/** Unique for a deployment: the last digits of a UUID v7 are random, the first are time. An engine never holds a name twice. */
export function containerName({ service, environment, deploymentId }: DeploymentIntent): string {
  return `sluice-${service}-${environment}-${deploymentId.slice(-8)}`;
}

export function laneLabel({ serviceId, environmentId }: DeploymentIntent): string {
  return `${serviceId}.${environmentId}`;
}

/** `network` is an id where there is one: the engine's names of networks are not unique. */
export function containerSpec(
  intent: DeploymentIntent,
  secrets: OpenedTargetSecrets['values'],
  network: string,
): Docker.ContainerCreateOptions {
  const settings = dockerSettings(intent);
  const hostPort = settings.port === undefined ? null : hostAddress(hostOf(settings.port.host, intent.service));
  const containerPort = settings.port === undefined ? null : `${settings.port.container}/tcp`;
  const env = {
    ...settings.env,
    ...Object.fromEntries(secrets.map(({ name, value }) => [name, value])),
    SLUICE_SERVICE: intent.service,
    SLUICE_ENVIRONMENT: intent.environment,
    SLUICE_COMMIT: intent.commit,
    SLUICE_DIGEST: intent.digest,
    SLUICE_DEPLOYMENT: intent.deploymentId,
    SLUICE_RUN: String(intent.runNumber),
  };
  return {
    name: containerName(intent),
    Image: imageName(intent),
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    Labels: {
      [LABELS.lane]: laneLabel(intent),
      [LABELS.service]: intent.service,
      [LABELS.environment]: intent.environment,
      [LABELS.deployment]: intent.deploymentId,
      [LABELS.digest]: intent.digest,
      [LABELS.commit]: intent.commit,
    },
    ...(containerPort === null ? {} : { ExposedPorts: { [containerPort]: {} } }),
    HostConfig: {
      NetworkMode: network,
      RestartPolicy: { Name: 'unless-stopped' },
      ...(containerPort === null || hostPort === null ? {} : { PortBindings: { [containerPort]: [hostPort] } }),
      SecurityOpt: ['no-new-privileges'],
      CapDrop: ['ALL'],
      CapAdd: CAPABILITIES,
      Memory: GIB,
      PidsLimit: 1024,
    },
    // Other containers of the network reach it under its service's name. The id stands inside as well: the engine keys
    // what it stores by the name, and starts by that name alone unless an id was given.
    NetworkingConfig: {
      EndpointsConfig: isOurs(settings.network) ? { [network]: { NetworkID: network, Aliases: [intent.service] } } : {},
    },
  };
}

/** A service may be called like something every object has. */
export function hostOf(hosts: Readonly<Record<string, string>>, service: string): string | undefined {
  return Object.hasOwn(hosts, service) ? hosts[service] : undefined;
}

export interface HostAddress {
  readonly HostIp: string;
  readonly HostPort: string;
}

/** `127.0.0.1:8101`, `[::1]:8101` or a port alone, which binds loopback: being open to the world is said, never implied. */
export function hostAddress(text: string | undefined): HostAddress | null {
  if (text === undefined) return null;
  const colon = text.lastIndexOf(':');
  const host = colon === -1 ? '127.0.0.1' : text.slice(0, colon).replace(/^\[|\]$/g, '');
  return { HostIp: host, HostPort: text.slice(colon + 1) };
}

/** How a process on the engine's machine reaches it. */
export function originOf({ HostIp, HostPort }: HostAddress): string {
  const host = HostIp === '' || HostIp === '0.0.0.0' ? '127.0.0.1' : HostIp === '::' ? '::1' : HostIp;
  return `http://${host.includes(':') ? `[${host}]` : host}:${HostPort}`;
}

/** Not one of the engine's own networks, which always exist and know no names. */
export function isOurs(network: string): boolean {
  return !['bridge', 'host', 'none', 'default'].includes(network);
}
