import type { OpenedTargetSecrets } from './target.port.ts';

/** What a deployment may open of the secrets, at the moment it needs them; never stored again. */
export abstract class TargetSecrets {
  /** The most specific scope wins: environment and service, environment, service, team. */
  abstract environmentSecrets(wanted: {
    readonly teamId: string;
    readonly environmentId: string;
    readonly serviceId: string;
    readonly names: readonly string[];
  }): Promise<OpenedTargetSecrets>;
  /** Credential of one registry (`host[:port]`), null when it needs none. */
  abstract registryCredential(teamId: string, registry: string): Promise<{ username: string; password: string } | null>;
}
