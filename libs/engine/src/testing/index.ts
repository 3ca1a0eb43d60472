/** Checks of one aggregate, shared by the engine's property tests and the simulation of the whole. */
export { BrokenInvariant, hold } from './broken-invariant.ts';
export { checkRunEvent, checkRunMoves, checkRunState } from './check-run.ts';
