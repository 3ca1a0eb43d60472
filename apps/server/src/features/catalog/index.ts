export { CatalogModule } from './catalog.module.ts';
export { checkRepositoryUrl, type RepositoryUrl } from './check-repository-url.ts';
export { isBranchName } from './connect-repository.ts';
export { LoadPipelines, PipelinesError } from './load-pipelines.ts';
export { OpenRepository, hookPlace, repositoryPlace } from './open-repository.ts';
export { DEFAULT_POOL, Pools } from './pools.ts';
export { RegistrationTokens } from './registration-tokens.ts';
export type { ControlPlaneDefinition } from './pipelines-folder.ts';
