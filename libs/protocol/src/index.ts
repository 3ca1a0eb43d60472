import { artifactsContract } from './artifacts.ts';
import { auditContract } from './audit.ts';
import { catalogContract } from './catalog.ts';
import { debugContract } from './debug.ts';
import { identityContract } from './identity.ts';
import { lanesContract } from './lanes.ts';
import { reportsContract } from './reports.ts';
import { retentionContract } from './retention.ts';
import { runnerContract } from './runner.ts';
import { runsContract } from './runs.ts';

export * from './values.ts';
export * from './identity.ts';
export * from './catalog.ts';
export * from './runs.ts';
export * from './statuses.ts';
export * from './lanes.ts';
export * from './runner.ts';
export * from './live.ts';
export * from './logs.ts';
export * from './reports.ts';
export * from './artifacts.ts';
export * from './audit.ts';
export * from './retention.ts';
export * from './debug.ts';

/** Everything people and programs may call; mounted below `/api/v1`. Routes outside of it are described in runner.ts, logs.ts and live.ts. */
export const contract = {
  identity: identityContract,
  catalog: catalogContract,
  runs: runsContract,
  lanes: lanesContract,
  runner: runnerContract,
  reports: reportsContract,
  artifacts: artifactsContract,
  audit: auditContract,
  retention: retentionContract,
  debug: debugContract,
};
