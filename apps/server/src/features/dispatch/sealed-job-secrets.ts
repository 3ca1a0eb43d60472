import { Injectable } from '@nestjs/common';
import { OpenRepository } from '../catalog/index.ts';
import { ReadSecrets } from '../secrets/index.ts';
import { JobSecrets } from './job-secrets.port.ts';

/**
 * Opens what is sealed in the database. A registry's credential is the team's secret `REGISTRY_<HOST>` (capitals, `_` for
 * every other sign) with the value `user:password`; a repository's is sealed in its row as JSON.
 */
@Injectable()
export class SealedJobSecrets extends JobSecrets {
  readonly #read: ReadSecrets;
  readonly #repositories: OpenRepository;
  constructor(read: ReadSecrets, repositories: OpenRepository) {
    super();
    this.#read = read;
    this.#repositories = repositories;
  }

  override async forJob({
    teamId,
    serviceId,
    names,
    trusted,
  }: Parameters<JobSecrets['forJob']>[0]): Promise<{ name: string; value: string }[]> {
    if (!trusted || names.length === 0) return [];
    return (await this.#read.read({ teamId, serviceId, environmentId: null, names })).values;
  }

  override async registryCredentials(
    teamId: string,
    registry: string,
  ): Promise<{ username: string; password: string } | null> {
    const name = registrySecretName(registry);
    // No service has the id of a team, so only the team's own secret is found.
    const { values } = await this.#read.read({ teamId, serviceId: teamId, environmentId: null, names: [name] });
    const value = values[0]?.value;
    const colon = value?.indexOf(':') ?? -1;
    if (value === undefined) return null;
    if (colon < 1) throw new Error(`The secret ${name} is not "user:password"; set it again.`);
    return { username: value.slice(0, colon), password: value.slice(colon + 1) };
  }

  override async repositoryCredential(repositoryId: string): Promise<{ username: string; password: string } | null> {
    return (await this.#repositories.open(repositoryId)).credential;
  }
}

export function registrySecretName(registry: string): string {
  return `REGISTRY_${registry.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
}
