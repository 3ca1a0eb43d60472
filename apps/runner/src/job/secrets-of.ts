import type { LeaseGrant } from '@sluice/protocol';

/** Whatever the job was handed that must never leave the job, in a log or in an output. */
export function secretsOf({ secrets, source, registries }: LeaseGrant): { name: string; value: string }[] {
  const credential =
    source.credential === null ? [] : [{ name: 'the repository credential', value: source.credential.password }];
  return [
    ...secrets,
    ...credential,
    ...registries.map(({ registry, password }) => ({ name: `the credential of ${registry}`, value: password })),
  ];
}
