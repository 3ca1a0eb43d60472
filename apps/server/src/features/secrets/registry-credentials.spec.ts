import { expect, it } from 'vitest';
import { ReadSecrets, type SecretScope } from './read-secrets.ts';
import { RegistryCredentials } from './registry-credentials.ts';
import { registryOf } from './registry-of.ts';

it.each([
  ['node:24', 'docker.io'],
  ['library/node', 'docker.io'],
  ['127.0.0.1:5000/shop@sha256:abc', '127.0.0.1:5000'],
  ['localhost/shop', 'localhost'],
  ['registry.example.com/team/shop:1', 'registry.example.com'],
])('the registry of %s is %s', (image, registry) => {
  expect(registryOf(image)).toBe(registry);
});

/** The team's secrets by name; whatever is asked of other scopes has no value. */
function credentialsOf(team: string, secrets: Readonly<Record<string, string>>): RegistryCredentials {
  const read = async ({ teamId, serviceId, environmentId, names }: SecretScope) => {
    const own = teamId === team && serviceId === team && environmentId === null;
    const values = names.flatMap((name) => (own && name in secrets ? [{ name, value: secrets[name]! }] : []));
    return { values, missing: names.filter((name) => !values.some((found) => found.name === name)) };
  };
  return new RegistryCredentials(Object.assign(Object.create(ReadSecrets.prototype), { read }));
}

it("finds a registry's credential in the team's secret of its host; a password may hold colons", async () => {
  const credentials = credentialsOf('team', { REGISTRY_REGISTRY_EXAMPLE_COM_5000: 'robot:a:b' });
  expect(await credentials.find('team', 'registry.example.com:5000')).toEqual({ username: 'robot', password: 'a:b' });
  expect(await credentials.find('team', 'registry.example.com')).toBeNull();
  expect(await credentials.find('other', 'registry.example.com:5000')).toBeNull();
});

it.each(['no-colon', ':password', ''])('says how a credential must look, without repeating %j', async (value) => {
  const credentials = credentialsOf('team', { REGISTRY_LOCALHOST: value });
  await expect(credentials.find('team', 'localhost')).rejects.toThrow(
    /^The secret REGISTRY_LOCALHOST is not "user:password"; set it again\.$/,
  );
});

it("never takes one registry's credential for another whose host reads the same in capitals", async () => {
  const dots = credentialsOf('team', { REGISTRY_REGISTRY_EXAMPLE_COM: 'robot:a' });
  await expect(dots.find('team', 'registry-example.com')).rejects.toThrow(
    'The secret REGISTRY_REGISTRY_EXAMPLE_COM may be of another registry than registry-example.com: store the credential of this one as REGISTRY_REGISTRY__EXAMPLE_COM, with "__" for each "-".',
  );
  const both = credentialsOf('team', {
    REGISTRY_REGISTRY_EXAMPLE_COM: 'robot:dot',
    REGISTRY_REGISTRY__EXAMPLE_COM: 'robot:dash',
    REGISTRY_10_0_0_5: 'robot:address',
  });
  expect(await both.find('team', 'registry.example.com')).toMatchObject({ password: 'dot' });
  expect(await both.find('team', 'registry-example.com')).toMatchObject({ password: 'dash' });
  expect(await both.find('team', '10.0.0.5')).toMatchObject({ password: 'address' });
  await expect(both.find('team', '10.0.0:5')).rejects.toThrow(
    'name the registry by a host name or a full IPv4 address',
  );
  expect(await both.find('team', 'other-example.com')).toBeNull();
});
