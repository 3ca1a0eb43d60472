import { interleave, type Bench } from './bench.ts';
import { JOBS_A_RUN, simulatedRunners } from './simulated-runners.ts';

const JOBS = 10_000;
const RUNNERS = 50;
/** Leases over which one rate is taken: the first, the middle and the last ones. */
const PART = 1_000;

/** 10,000 queued jobs taken by 50 runners to the last one: the rate must not depend on what is left or what was done. */
export const drainQueue: Bench = async (context) => {
  const drained = await simulatedRunners(context.world, 'bench-drain', RUNNERS);
  // What making the first run has queued.
  await drained.take(JOBS_A_RUN);
  context.say(`queueing ${JOBS} jobs`);
  await drained.queue(JOBS / JOBS_A_RUN);
  const at: number[] = [performance.now()];
  await drained.take(JOBS, () => void at.push(performance.now()));
  const rate = (from: number) => (PART / (at[from + PART]! - at[from]!)) * 1000;
  const [start, middle, end] = [rate(0), rate((JOBS - PART) / 2), rate(JOBS - PART)];
  // One drain has both figures; doing it thrice would take the patience of whoever waits for it.
  return interleave(
    { ...context, rounds: 1 },
    {
      name: '10,000 queued jobs drained by 50 runners: rate at the end',
      budget: '>= 0.9x the rate at the start',
      unit: '/s',
      better: 'higher',
      allowed: (limit) => limit * 0.9,
      note: `In the middle ${middle.toFixed(1)} /s. One round; each rate over ${PART} leases.`,
    },
    { limit: () => Promise.resolve(start), ours: () => Promise.resolve(end) },
  );
};
