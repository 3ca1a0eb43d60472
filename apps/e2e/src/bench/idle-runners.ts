import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { interleave, type Bench } from './bench.ts';
import { memoryMiB } from './process-memory.ts';
import { simulatedRunners } from './simulated-runners.ts';

const RUNNERS = 500;
const WATCHED_MS = 60_000;
const BUDGET_MIB = 64;
const TICKS_A_SECOND = 100;

/** 500 runners that wait for work: what their waiting costs the server. */
export const idleRunners: Bench = async (context) => {
  const { world } = context;
  const { pid } = world.servers.replicas[0]!;
  const alone = await watch(pid!);
  const { runners } = await simulatedRunners(world, 'bench-idle', RUNNERS);
  const stop = new AbortController();
  const waiting = runners.map(async (api) => {
    while (!stop.signal.aborted)
      await api.runner
        .poll({ pollId: randomUUID(), slots: 1, waitSeconds: 50, protocol: 1 }, { signal: stop.signal })
        .catch((error: unknown) => {
          if (!stop.signal.aborted) throw error;
        });
  });
  try {
    const busy = await Promise.race([
      watch(pid!),
      Promise.all(waiting).then(() => Promise.reject(new Error('no runner waits'))),
    ]);
    return await interleave(
      { ...context, rounds: 1 },
      {
        name: '500 idle runners connected: memory of the server',
        budget: `<= ${BUDGET_MIB} MiB more than without them`,
        unit: 'MiB',
        allowed: (limit) => limit + BUDGET_MIB,
        note: `CPU of the server ${busy.cpu.toFixed(1)} % of a core, without them ${alone.cpu.toFixed(1)} %; over ${WATCHED_MS / 1000} s, polls of 50 s. One round.`,
      },
      { limit: () => Promise.resolve(alone.memory), ours: () => Promise.resolve(busy.memory) },
    );
  } finally {
    stop.abort();
    await Promise.allSettled(waiting);
  }
};

async function watch(pid: number): Promise<{ cpu: number; memory: number }> {
  const before = cpuSeconds(pid);
  await pause(WATCHED_MS);
  return { cpu: ((cpuSeconds(pid) - before) / (WATCHED_MS / 1000)) * 100, memory: memoryMiB(pid) };
}

/** User and system time of a process so far. The name before them may hold spaces, but ends with the last bracket. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}
