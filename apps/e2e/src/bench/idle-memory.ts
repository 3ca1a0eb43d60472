import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { interleave, type Bench } from './bench.ts';
import { memoryMiB } from './process-memory.ts';

const BUDGET_MIB = 240;
// A server at rest gives back within a minute what work left behind.
const SETTLE_MS = 75_000;

/** Server and runner at rest, next to two Node processes that do nothing. */
export const idleMemory: Bench = async (context) => {
  const { world } = context;
  await pause(SETTLE_MS);
  return interleave(
    context,
    {
      name: 'idle memory, server + runner (without PostgreSQL)',
      budget: `<= ${BUDGET_MIB} MiB, next to two bare Node processes`,
      unit: 'MiB',
      allowed: () => BUDGET_MIB,
      note: 'Proportional set size, after the other rows of this bench have run on the same processes.',
    },
    {
      limit: async () => {
        const bare = [1, 2].map(() =>
          spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1e6)'], {
            stdio: ['ignore', 'pipe', 'inherit'],
          }),
        );
        await Promise.all(bare.map((child) => once(child.stdout, 'data')));
        const sum = bare.reduce((total, child) => total + memoryMiB(child.pid!), 0);
        for (const child of bare) child.kill('SIGKILL');
        return sum;
      },
      ours: () => Promise.resolve(memoryMiB(world.servers.replicas[0]!.pid!) + memoryMiB(world.runners[0]!.pid!)),
    },
  );
};
