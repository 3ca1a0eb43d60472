import { Injectable } from '@nestjs/common';
import { OpenRepository } from '../catalog/index.ts';
import { ReadSecrets, RegistryCredentials, type RegistryCredential } from '../secrets/index.ts';
import { JobSecrets } from './job-secrets.port.ts';

/** Opens what is sealed in the database. */
@Injectable()
export class SealedJobSecrets extends JobSecrets {
  readonly #read: ReadSecrets;
  readonly #registries: RegistryCredentials;
  readonly #repositories: OpenRepository;
  constructor(read: ReadSecrets, registries: RegistryCredentials, repositories: OpenRepository) {
    super();
    this.#read = read;
    this.#registries = registries;
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

  override registryCredentials(teamId: string, registry: string): Promise<RegistryCredential | null> {
    return this.#registries.find(teamId, registry);
  }

  override async repositoryCredential(repositoryId: string): Promise<{ username: string; password: string } | null> {
    return (await this.#repositories.open(repositoryId)).credential;
  }
}
