/** What a lease may carry of the secrets, opened at the moment of the lease (F69) and never stored again. */
export abstract class JobSecrets {
  /** Only the declared names that have a value, and none for an untrusted run (I24, A45). */
  abstract forJob(job: {
    readonly teamId: string;
    readonly serviceId: string;
    readonly names: readonly string[];
    readonly trusted: boolean;
  }): Promise<{ name: string; value: string }[]>;
  /** Credential of one registry (`host[:port]`), null when it needs none. Asked for trusted runs only. Throws RegistrySecretError. */
  abstract registryCredentials(
    teamId: string,
    registry: string,
  ): Promise<{ username: string; password: string } | null>;
  /** Used by the checkout of a live lease; steps never see it. */
  abstract repositoryCredential(repositoryId: string): Promise<{ username: string; password: string } | null>;
}
