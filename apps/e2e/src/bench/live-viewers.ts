import { eventually } from '@sluice/testing';
import { PEOPLE } from '../world/cast.ts';
import type { World } from '../world/world.ts';
import { interleave, percentile, type Bench } from './bench.ts';
import { simulatedRunners } from './simulated-runners.ts';

const VIEWERS = 200;
const CHANGES = 20;

/** Something changes on the board -> told to all who look at it. */
export const liveViewers: Bench = async (context) => {
  const { world } = context;
  const { queue } = await simulatedRunners(world, 'bench-viewers', 1);
  return interleave(
    context,
    {
      name: `${VIEWERS} viewers of the board: change made -> told to every one, p95`,
      budget: '<= 100 ms more than for a single viewer',
      unit: 'ms',
      allowed: (limit) => limit + 100,
      note: `Over ${CHANGES} changes (a run is started again), from the moment before the request that makes it.`,
    },
    { limit: () => told(world, 1, () => queue(1)), ours: () => told(world, VIEWERS, () => queue(1)) },
  );
};

async function told(world: World, viewers: number, change: () => Promise<void>): Promise<number> {
  const stop = new AbortController();
  // A person may hold 50 streams.
  const tokens = PEOPLE.map(({ login }) => world.people[login]!.token);
  const lastTold = Array.from({ length: viewers }, () => 0);
  let open = 0;
  const reading = lastTold.map(async (_, viewer) => {
    const stream = await fetch(`${world.servers.url}/api/v1/live?topics=board`, {
      headers: { authorization: `Bearer ${tokens[viewer % tokens.length]}` },
      signal: stop.signal,
    });
    if (!stream.ok || !stream.body) throw new Error(`the stream answered ${stream.status}`);
    open += 1;
    for await (const chunk of stream.body)
      if (Buffer.from(chunk).includes('board')) lastTold[viewer] = performance.now();
  });
  // Ends with the streams; a stream that ends by itself before is an error.
  const ended = Promise.all(reading).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  try {
    await Promise.race([
      eventually(() => open === viewers, { timeoutMs: 30_000, everyMs: 20, describe: `${viewers} open streams` }),
      ended.then(() => Promise.reject(new Error('a stream ended'))),
    ]);
    const delays: number[] = [];
    for (let nth = 0; nth < CHANGES; nth += 1) {
      const begin = performance.now();
      await change();
      await eventually(() => lastTold.every((at) => at > begin), {
        timeoutMs: 30_000,
        everyMs: 10,
        describe: 'every viewer to be told',
      });
      delays.push(Math.max(...lastTold.map((at) => at - begin)));
    }
    return percentile(delays, 0.95);
  } finally {
    stop.abort();
    await ended;
  }
}
