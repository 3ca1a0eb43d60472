import { Injectable } from '@nestjs/common';
import { JobSecrets } from '../dispatch/index.ts';
import { ReadSecrets } from '../secrets/index.ts';
import { TargetSecrets } from './target-secrets.port.ts';

/** The secrets of the control plane; a registry's credential is the same that image builds push with. */
@Injectable()
export class SealedTargetSecrets extends TargetSecrets {
  readonly #read: ReadSecrets;
  readonly #jobs: JobSecrets;
  constructor(read: ReadSecrets, jobs: JobSecrets) {
    super();
    this.#read = read;
    this.#jobs = jobs;
  }

  override environmentSecrets(wanted: Parameters<TargetSecrets['environmentSecrets']>[0]) {
    return this.#read.read(wanted);
  }

  override registryCredential(teamId: string, registry: string) {
    return this.#jobs.registryCredentials(teamId, registry);
  }
}
