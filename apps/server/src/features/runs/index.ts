export { RunsModule } from './runs.module.ts';
export { RunStore, type Applied } from './run-store.ts';
export { RunStates } from './run-states.ts';
export { currentStates } from './current-states.ts';
export { CreateRun } from './create-run.ts';
export { AssignPools } from './assign-pools.ts';
export { readLaneSummaries, type LaneSummary } from './read-lanes.ts';
export { orNone, runInScope, serviceInScope } from './service-scope.ts';
