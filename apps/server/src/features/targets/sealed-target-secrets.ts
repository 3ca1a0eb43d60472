import { Injectable } from '@nestjs/common';
import { ReadSecrets } from '../secrets/index.ts';
import { TargetUnusableError } from './target.port.ts';
import { TargetSecrets } from './target-secrets.port.ts';

/**
 * The secrets of the control plane. A registry's credential is the team's secret `REGISTRY_<HOST>` (capitals, `_` for every
 * other sign) with the value `user:password`, the same that image builds push with.
 */
@Injectable()
export class SealedTargetSecrets extends TargetSecrets {
  readonly #read: ReadSecrets;
  constructor(read: ReadSecrets) {
    super();
    this.#read = read;
  }

  override environmentSecrets(wanted: Parameters<TargetSecrets['environmentSecrets']>[0]) {
    return this.#read.read(wanted);
  }

  override async registryCredential(
    teamId: string,
    registry: string,
  ): Promise<{ username: string; password: string } | null> {
    const name = `REGISTRY_${registry.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
    // No service has the id of a team, so only the team's own secret is found.
    const { values } = await this.#read.read({ teamId, serviceId: teamId, environmentId: null, names: [name] });
    const value = values[0]?.value;
    if (value === undefined) return null;
    const colon = value.indexOf(':');
    if (colon < 1) throw new TargetUnusableError(`The secret ${name} is not "user:password"; set it again.`);
    return { username: value.slice(0, colon), password: value.slice(colon + 1) };
  }
}
