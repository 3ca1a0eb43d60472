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
    const alike = nameOfManyHosts(registry);
    const names = [...new Set([name ?? alike, alike])];
    // No service has the id of a team, so only the team's own secret is found.
    const { values } = await this.#read.read({ teamId, serviceId: teamId, environmentId: null, names });
    const value = values.find((secret) => secret.name === name)?.value;
    if (value === undefined) {
      if (values.length === 0) return null;
      throw new RegistrySecretError(
        name === undefined
          ? `The secret ${alike} may be of another registry than ${registry}: name the registry by a host name or a full IPv4 address.`
          : `The secret ${alike} may be of another registry than ${registry}: store the credential of this one as ${name}, with "__" for each "-".`,
      );
    }
    const colon = value.indexOf(':');
    if (colon < 1) throw new RegistrySecretError(`The secret ${name} is not "user:password"; set it again.`);
    return { username: value.slice(0, colon), password: value.slice(colon + 1) };
  }
}

/**
 * Capitals, `_` for `.` and `:`, `__` for `-`: `registry.example.com:5000` is `REGISTRY_REGISTRY_EXAMPLE_COM_5000`. No two hosts have the
 * same, or whoever names an image could have a credential sent to a host of their own. Undefined for what looks like an
 * address and is none: there a `.` could be a `:`.
 */
function registrySecretName(registry: string): string | undefined {
  const labels = registry.replace(/:.*$/, '').split('.');
  const endsInNumber = /^\d+$/.test(labels.at(-1) ?? '');
  const isAddress = labels.length === 4 && labels.every((label) => /^\d+$/.test(label));
  return endsInNumber && !isAddress ? undefined : nameOfManyHosts(registry.replaceAll('-', '--'));
}

function nameOfManyHosts(registry: string): string {
  return `REGISTRY_${registry.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
}
