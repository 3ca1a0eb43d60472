export * from './statuses.ts';
export * from './plan.ts';
export * from './run.ts';
export * from './lane.ts';
export * from './pick.ts';
