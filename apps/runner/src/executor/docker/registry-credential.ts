import type { RegistryCredential } from '../executor.port.ts';

export interface EngineAuth {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
}

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
