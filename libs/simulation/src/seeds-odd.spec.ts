import { simulateSeeds } from './testing/simulate-seeds.ts';

// Two files, so that two cores share the seeds.
simulateSeeds(1, 100);
