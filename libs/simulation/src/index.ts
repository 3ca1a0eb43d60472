export { simulate } from './simulate.ts';
export type { SimulationOptions, SimulationResult } from './simulate.ts';
/** The store alone, for the contract that it shares with PostgreSQL. */
export { Kernel, Process } from './kernel/kernel.ts';
export type { Task } from './kernel/kernel.ts';
export { Random } from './kernel/random.ts';
export { DeadlockError, Store, Transaction, UniqueViolation } from './kernel/store.ts';
