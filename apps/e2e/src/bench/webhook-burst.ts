import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import { pushRequest } from '@sluice/testing';
import { connectRepository } from '../world/services.ts';
import { interleave, percentile, timed, type Bench, type BenchResult } from './bench.ts';

const HOOKS = 200;
const AT_ONCE = 4;

/** 200 hooks, 4 at a time, while both cores are busy; each is committed before its answer. */
export const webhookBurst: Bench = async (context) => {
  const { world } = context;
  const { hookPath, hookSecret } = await connectRepository(
    world.admin(),
    world.gitHost,
    world.servers.url,
    'bench-hooks',
  );
  const slowest: number[] = [];
  const slowestOfLimit: number[] = [];
  const result = await interleave(
    context,
    {
      name: '200 hooks sent 4 at a time while both cores are busy, each stored durably',
      budget: '<= 1 s in all, p99 <= 20 ms each',
      unit: 'ms',
      allowed: () => 1000,
      note: 'The limit is the same requests answered by /healthz: HTTP alone, nothing stored.',
    },
    {
      limit: () =>
        underLoad(async () => {
          const { total, each } = await burst(() => fetch(`${world.servers.url}/healthz`));
          slowestOfLimit.push(percentile(each, 0.99));
          return total;
        }),
      ours: () =>
        underLoad(async () => {
          const { total, each } = await burst(() => {
            const request = pushRequest(`${world.servers.url}${hookPath}`, hookSecret, payload(), randomUUID());
            return fetch(request.url, { method: 'POST', headers: request.headers, body: request.body });
          });
          slowest.push(percentile(each, 0.99));
          return total;
        }),
    },
  );
  const p99 = percentile(slowest, 0.5);
  const within = result.within && p99 <= 20;
  const limitP99 = percentile(slowestOfLimit, 0.5);
  return {
    ...result,
    within,
    note: `p99 ${p99.toFixed(1)} ms, of the limit ${limitP99.toFixed(1)} ms. ${result.note}`,
  } satisfies BenchResult;
};

function payload() {
  const after = randomUUID().replaceAll('-', '').padEnd(40, '0');
  return {
    ref: 'refs/heads/bench',
    before: '0'.repeat(40),
    after,
    repository: { name: 'bench-hooks' },
    pusher: { name: 'dana' },
    commits: [],
  };
}

async function burst(send: () => Promise<Response>): Promise<{ total: number; each: number[] }> {
  const each: number[] = [];
  let left = HOOKS;
  const total = await timed(() =>
    Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (left > 0) {
          left -= 1;
          each.push(
            await timed(async () => {
              const answer = await send();
              if (!answer.ok) throw new Error(`answered ${answer.status}: ${await answer.text()}`);
              await answer.arrayBuffer();
            }),
          );
        }
      }),
    ),
  );
  return { total, each };
}

/** Two processes that do nothing but compute. */
async function underLoad<T>(work: () => Promise<T>): Promise<T> {
  const spinners = [1, 2].map(() => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
  try {
    return await work();
  } finally {
    for (const spinner of spinners) spinner.kill('SIGKILL');
  }
}
