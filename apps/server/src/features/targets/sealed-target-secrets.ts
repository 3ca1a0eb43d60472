import { Injectable } from '@nestjs/common';
import { ReadSecrets, RegistryCredentials, RegistrySecretError, type RegistryCredential } from '../secrets/index.ts';
import { TargetUnusableError } from './target.port.ts';
import { TargetSecrets } from './target-secrets.port.ts';

/** The secrets of the control plane; a registry's credential is the same that image builds push with. */
@Injectable()
export class SealedTargetSecrets extends TargetSecrets {
  readonly #read: ReadSecrets;
  readonly #registries: RegistryCredentials;
  constructor(read: ReadSecrets, registries: RegistryCredentials) {
    super();
    this.#read = read;
    this.#registries = registries;
  }

  override environmentSecrets(wanted: Parameters<TargetSecrets['environmentSecrets']>[0]) {
    return this.#read.read(wanted);
  }

  override async registryCredential(teamId: string, registry: string): Promise<RegistryCredential | null> {
    try {
      return await this.#registries.find(teamId, registry);
    } catch (error) {
      if (error instanceof RegistrySecretError) throw new TargetUnusableError(error.message, { cause: error });
      throw error;
    }
  }
}
