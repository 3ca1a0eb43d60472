import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { pushRequest } from '@sluice/testing';
import { connectRepository } from '../world/services.ts';
import { readDatabase } from '../world/read-database.ts';
import { interleave, percentile, type Bench } from './bench.ts';

const PER_SECOND = 200;
const SECONDS = 10;
/** One hook takes 1,000 at once and then 50 a second. */
const HOOKS = 5;
const EVERY_MS = 1000 / PER_SECOND;

/** 200 hooks a second for ten seconds, at a pace that does not wait for answers; every one must be stored. */
export const hooksBurst: Bench = async (context) => {
  const { world } = context;
  const hooks: Awaited<ReturnType<typeof connectRepository>>[] = [];
  for (let index = 0; index < HOOKS; index += 1)
    hooks.push(await connectRepository(world.admin(), world.gitHost, world.servers.url, `bench-hooks-burst-${index}`));
  const stored = () =>
    readDatabase(world, async (database) => {
      const { rows } = await database.query<{ count: string }>('select count(*) as count from deliveries');
      return Number(rows[0]!.count);
    });
  return interleave(
    context,
    {
      name: `${PER_SECOND} hooks a second for ${SECONDS} s, each stored durably: p99`,
      budget: '<= 10x a bare HTTP answer at the same pace, all stored',
      unit: 'ms',
      allowed: (limit) => limit * 10,
      note: 'The limit is the same pace answered by /healthz: HTTP alone, nothing stored.',
    },
    {
      limit: () => paced(() => fetch(`${world.servers.url}/healthz`)),
      ours: async () => {
        const before = await stored();
        const p99 = await paced((nth) => {
          const { hookPath, hookSecret } = hooks[nth % HOOKS]!;
          const request = pushRequest(`${world.servers.url}${hookPath}`, hookSecret, payload(), randomUUID());
          return fetch(request.url, { method: 'POST', headers: request.headers, body: request.body });
        });
        const made = (await stored()) - before;
        if (made !== PER_SECOND * SECONDS) throw new Error(`${made} of ${PER_SECOND * SECONDS} hooks are stored`);
        return p99;
      },
    },
  );
};

function payload() {
  return {
    ref: 'refs/heads/bench',
    before: '0'.repeat(40),
    after: randomUUID().replaceAll('-', '').padEnd(40, '0'),
    repository: { name: 'bench-hooks-burst' },
    pusher: { name: 'dana' },
    commits: [],
  };
}

/** Sends on time whether or not earlier ones are answered: a slow server meets more at once, as it would outside. */
async function paced(send: (nth: number) => Promise<Response>): Promise<number> {
  const each: number[] = [];
  const sent: Promise<void>[] = [];
  const begin = performance.now();
  for (let nth = 0; nth < PER_SECOND * SECONDS; nth += 1) {
    const due = begin + nth * EVERY_MS;
    const early = due - performance.now();
    if (early > 1) await pause(early);
    sent.push(
      (async () => {
        const answer = await send(nth);
        await answer.arrayBuffer();
        if (!answer.ok) throw new Error(`answered ${answer.status}`);
        // From when it was due: a bench that is late itself must not look fast.
        each.push(performance.now() - due);
      })(),
    );
  }
  await Promise.all(sent);
  return percentile(each, 0.99);
}
