import type { RegistryCredential } from '../executor.port.ts';

export interface EngineAuth {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
}

/** Where images without a registry in their name come from. */
const DOCKER_HUB = new Set(['docker.io', 'registry-1.docker.io', 'index.docker.io']);

/** `registry.example.com:5000` of `registry.example.com:5000/team/app@sha256:...`; `docker.io` when none is named. */
export function registryOf(reference: string): string {
  const [first = '', ...rest] = reference.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : 'docker.io';
}

export function credentialFor(reference: string, credentials: readonly RegistryCredential[]): EngineAuth | undefined {
  const wanted = registryOf(reference);
  const found = credentials.find(({ registry }) => hostOf(registry) === wanted);
  return found && { username: found.username, password: found.password, serveraddress: wanted };
}

/** For the host that a builder is about to ask, as it names it. */
export function credentialOfHost(
  host: string,
  credentials: readonly RegistryCredential[],
): RegistryCredential | undefined {
  const wanted = DOCKER_HUB.has(host) ? 'docker.io' : host;
  return credentials.find(({ registry }) => hostOf(registry) === wanted);
}

/** All of them, for the base images of a build. */
export function registryConfig(
  credentials: readonly RegistryCredential[],
): Record<string, { username: string; password: string }> {
  return Object.fromEntries(
    credentials.map(({ registry, username, password }) => {
      const host = hostOf(registry);
      return [host === 'docker.io' ? 'https://index.docker.io/v1/' : host, { username, password }];
    }),
  );
}

function hostOf(registry: string): string {
  return registry.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}
