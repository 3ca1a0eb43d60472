import { Injectable } from '@nestjs/common';
import { ReadSecrets } from './read-secrets.ts';

export interface RegistryCredential {
  readonly username: string;
  readonly password: string;
}

/** The secret is there and cannot be used; says what to set it to, never its value. */
export class RegistrySecretError extends Error {
  override readonly name = 'RegistrySecretError';
}

/** A registry's credential is the team's secret `REGISTRY_<HOST>` with the value `user:password`, for builds and deployments alike. */
@Injectable()
export class RegistryCredentials {
  readonly #read: ReadSecrets;
  constructor(read: ReadSecrets) {
    this.#read = read;
  }

  /** For `host[:port]`; null when the team has none. Throws RegistrySecretError. */
  async find(teamId: string, registry: string): Promise<RegistryCredential | null> {
    const name = registrySecretName(registry);
    // No service has the id of a team, so only the team's own secret is found.
    const { values } = await this.#read.read({ teamId, serviceId: teamId, environmentId: null, names: [name] });
    const value = values[0]?.value;
    if (value === undefined) return null;
    const colon = value.indexOf(':');
    if (colon < 1) throw new RegistrySecretError(`The secret ${name} is not "user:password"; set it again.`);
    return { username: value.slice(0, colon), password: value.slice(colon + 1) };
  }
}

/** Capitals, and `_` for every other sign: `registry.example.com:5000` is `REGISTRY_REGISTRY_EXAMPLE_COM_5000`. */
function registrySecretName(registry: string): string {
  return `REGISTRY_${registry.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
}
