export { SecretsModule } from './secrets.module.ts';
export { Sealer, UnsealError } from './sealer.ts';
export { ReadSecrets, type OpenedSecrets, type SecretScope } from './read-secrets.ts';
