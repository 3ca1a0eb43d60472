import { catalogContract } from './catalog.ts';
import { identityContract } from './identity.ts';
import { lanesContract } from './lanes.ts';
import { runnerContract } from './runner.ts';
import { runsContract } from './runs.ts';

export * from './values.ts';
export * from './identity.ts';
export * from './catalog.ts';
export * from './runs.ts';
export * from './lanes.ts';
export * from './runner.ts';
export * from './live.ts';

/** Everything people and programs may call; mounted below `/api/v1`. Raw byte routes are described in runner.ts and live.ts. */
export const contract = {
  identity: identityContract,
  catalog: catalogContract,
  runs: runsContract,
  lanes: lanesContract,
  runner: runnerContract,
};
