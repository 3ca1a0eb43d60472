import { interleave, timed, type Bench } from './bench.ts';
import { JOBS_A_RUN, simulatedRunners } from './simulated-runners.ts';

const DEEP = 10_000;
const LEASES = 300;
const RUNNERS = 8;

/** Dispatch rate with 10,000 jobs queued against the rate with a short queue; the runner here only takes leases. */
export const deepQueue: Bench = async (context) => {
  const { world } = context;
  const [deep, shallow] = [
    await simulatedRunners(world, 'bench-deep', RUNNERS),
    await simulatedRunners(world, 'bench-shallow', RUNNERS),
  ];
  const runs = DEEP / JOBS_A_RUN;
  context.say(`queueing ${DEEP} jobs`);
  await deep.queue(runs);
  return interleave(
    context,
    {
      name: '10,000 queued jobs: dispatch rate at that depth',
      budget: '>= 0.9x the rate with a short queue',
      unit: '/s',
      better: 'higher',
      allowed: (limit) => limit * 0.9,
      note: `${LEASES} leases taken by ${RUNNERS} runners with a slot each, each lease ended at once by its result.`,
    },
    {
      limit: async () => {
        await shallow.queue(Math.ceil(LEASES / JOBS_A_RUN));
        return rate(await timed(() => shallow.take(LEASES)));
      },
      ours: async () => rate(await timed(() => deep.take(LEASES))),
    },
  );
};

function rate(ms: number): number {
  return (LEASES / ms) * 1000;
}
