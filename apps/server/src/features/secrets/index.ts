export { SecretsModule } from './secrets.module.ts';
export { Sealer, UnsealError } from './sealer.ts';
export { ReadSecrets } from './read-secrets.ts';
export { RegistryCredentials, RegistrySecretError, type RegistryCredential } from './registry-credentials.ts';
export { registryOf } from './registry-of.ts';
