export { LanesModule } from './lanes.module.ts';
export { LaneStore, type AppliedToLane, type LaneRow } from './lane-store.ts';
export { findLane } from './find-lane.ts';
