export { checkApiUrl } from './check-connectable-url.ts';
export { CatalogModule } from './catalog.module.ts';
export { LoadPipelines } from './load-pipelines.ts';
export { OpenRepository, hookPlace, repositoryPlace } from './open-repository.ts';
export { PoolLoads, type PoolLoad } from './pool-load.ts';
export { Pools } from './pools.ts';
export { readRepositoryStatuses, readRunStatus } from './read-statuses.ts';
export { RegistrationTokens } from './registration-tokens.ts';
export type { ControlPlaneDefinition } from './pipelines-folder.ts';
