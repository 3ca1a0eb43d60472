export { LanesModule } from './lanes.module.ts';
export { LaneStore } from './lane-store.ts';
export { findLane } from './find-lane.ts';
export { bindToSettings } from './rebind-lanes.ts';
