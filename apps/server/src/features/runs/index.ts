export { RunsModule } from './runs.module.ts';
export { RunStore, type Applied, type NewRun } from './run-store.ts';
export { CreateRun, type CreateRunInput, type CreatedRun } from './create-run.ts';
export { AssignPools } from './assign-pools.ts';
export { readLaneSummaries, type LaneSummary } from './read-lanes.ts';
export { orNone, runInScope, serviceInScope, type ServiceScope } from './service-scope.ts';
