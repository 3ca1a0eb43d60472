import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { IdleCollection } from './idle-collection.ts';

const LOOK_MS = 5_000;

/** From the end of the start on, for the whole life of the process. */
export function collectWhenIdle(): void {
  // The only way to the collector in a process that was started without the flag.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');
  let before = performance.eventLoopUtilization();
  const collection = new IdleCollection({
    busy: () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      return utilization;
    },
    size: () => process.memoryUsage.rss(),
    collect,
  });
  setInterval(() => collection.look(), LOOK_MS).unref();
}
