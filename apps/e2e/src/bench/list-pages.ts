import { TEAM } from '../world/cast.ts';
import type { World } from '../world/world.ts';
import { interleave, percentile, timed, type Bench } from './bench.ts';
import { fillDatabase } from './full-database.ts';
import { simulatedRunners } from './simulated-runners.ts';

const CALLS = 20;
const SMALL = 'bench-pages';

/** Pages by name, and how to ask for each; all that a list page of the web asks the server. */
function pagesOf(world: World, service: string, team: string): Readonly<Record<string, () => Promise<unknown>>> {
  const api = world.admin();
  return {
    runs: () => api.runs.listRuns({ service, limit: 50 }),
    service: () => api.runs.getService({ service }),
    run: () => api.runs.getRun({ service, number: 1 }),
    approvals: () => api.lanes.listApprovals({ show: 'all' }),
    decided: () => api.lanes.listApprovals({ show: 'decided' }),
    repositories: () => api.catalog.listRepositories({ team }),
    runners: () => api.catalog.listRunners(),
    audit: () => api.catalog.listAudit({ team, limit: 50 }),
    'lanes of a team': () => api.lanes.listLanes({ team }),
    'board of a team': () => api.runs.board({ team }),
    lanes: () => api.lanes.listLanes({}),
    board: () => api.runs.board({}),
  };
}

/** These show one page or one thing: their time may not depend on how much there is. */
const BOUNDED = ['runs', 'service', 'run', 'approvals', 'decided', 'repositories', 'runners', 'audit'];

/** Each list page with 5,000 services, 100,000 runs and 2 million events, next to the same pages before. Fills the database: what needs a small one comes before. */
export const listPages: Bench = async (context) => {
  const { world, say } = context;
  const { queue } = await simulatedRunners(world, SMALL, 1);
  await queue(3);
  const before = await measure(pagesOf(world, SMALL, TEAM.slug));
  await fillDatabase(context);
  const after = await measure(pagesOf(world, 'seed-service-2500', 'seed-5'));
  for (const [name, { p50, p95 }] of after)
    say(
      `   ${name}: p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, before ${before.get(name)!.p95.toFixed(1)} ms`,
    );
  const slowest = BOUNDED.toSorted((one, other) => ratio(before, after, other) - ratio(before, after, one))[0]!;
  return interleave(
    { ...context, rounds: 1 },
    {
      name: `list pages with 100,000 runs, p95 of the one that suffers most: ${slowest}`,
      budget: '<= 2x the same page of a small database + 5 ms',
      unit: 'ms',
      allowed: (limit) => limit * 2 + 5,
      note: [...after].map(([name, { p50, p95 }]) => `${name} ${p50.toFixed(0)}/${p95.toFixed(0)} ms`).join(', '),
    },
    {
      limit: () => Promise.resolve(before.get(slowest)!.p95),
      ours: () => Promise.resolve(after.get(slowest)!.p95),
    },
  );
};

type Times = ReadonlyMap<string, { readonly p50: number; readonly p95: number }>;

function ratio(before: Times, after: Times, name: string): number {
  return after.get(name)!.p95 / (before.get(name)!.p95 * 2 + 5);
}

async function measure(pages: Readonly<Record<string, () => Promise<unknown>>>): Promise<Times> {
  const times = new Map<string, { p50: number; p95: number }>();
  for (const [name, ask] of Object.entries(pages)) {
    await ask();
    const each: number[] = [];
    for (let call = 0; call < CALLS; call += 1) each.push(await timed(ask));
    times.set(name, { p50: percentile(each, 0.5), p95: percentile(each, 0.95) });
  }
  return times;
}
