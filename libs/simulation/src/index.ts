export { simulate } from './simulate.ts';
export type { SimulationOptions, SimulationResult } from './simulate.ts';
