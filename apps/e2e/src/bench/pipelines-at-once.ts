import { join } from 'node:path';
import { eventually, freePort, RunnerProcess } from '@sluice/testing';
import { putEnvironment, settingsOf } from '../world/environments.ts';
import type { World } from '../world/world.ts';
import { interleave, timed, type Bench, type BenchContext } from './bench.ts';
import { BenchService } from './bench-service.ts';
import { runScript, withNetworks } from './engine-script.ts';
import { trivialFiles } from './trivial-service.ts';

const LABEL = 'bench-many';
/** The design says 200, which take some ten minutes for each of four measurements on two cores. */
const PIPELINES = Number(process.env['SLUICE_BENCH_PIPELINES'] ?? 12);
const [SHARE_OF_SCRIPT, SHARE_OF_FEWER_SLOTS] = [0.6, 0.9];

/** Made once: both rows queue the same services. */
const prepared = new WeakMap<World, Promise<Prepared>>();
/** Pipelines a second by slots, as the product did. */
const rates = new Map<number, number>();

interface Prepared {
  readonly services: readonly BenchService[];
  readonly poolId: string;
}

export const twoSlots: Bench = (context) => pipelinesAtOnce(context, 2);
export const eightSlots: Bench = async (context) => {
  const result = await pipelinesAtOnce(context, 8);
  const fewer = rates.get(2);
  if (fewer === undefined) return { ...result, note: `${result.note} The row with 2 slots was not measured before.` };
  const ofBudget = Math.max(result.ofBudget, (SHARE_OF_FEWER_SLOTS * fewer) / result.ours);
  return {
    ...result,
    ofBudget: Math.round(ofBudget * 1000) / 1000,
    within: ofBudget <= 1,
    note: `${result.note} With 2 slots: ${fewer.toFixed(3)} /s.`,
  };
};

/** Four-stage pipelines of as many services, queued before the runner comes, against as many scripts, `slots` at a time. */
async function pipelinesAtOnce(context: BenchContext, slots: number) {
  const { world } = context;
  const ready = prepared.get(world) ?? prepare(context);
  prepared.set(world, ready);
  const { services, poolId } = await ready;
  const limitPorts: number[] = [];
  for (let at = 0; at < slots; at += 1) limitPorts.push(await freePort());
  const result = await interleave(
    { ...context, rounds: 1 },
    {
      name: `${PIPELINES} trivial pipelines queued at once, ${slots} slots`,
      budget: `>= ${SHARE_OF_SCRIPT}x as many scripts, ${slots} at a time${slots > 2 ? `; >= ${SHARE_OF_FEWER_SLOTS}x the rate with 2 slots` : ''}`,
      unit: '/s',
      better: 'higher',
      allowed: (limit) => limit * SHARE_OF_SCRIPT,
      note: `One round of ${PIPELINES} pipelines (SLUICE_BENCH_PIPELINES); from the start of the runner's process to the end of the last run. The scripts run in one process that is up already, which is kinder to them than xargs.`,
    },
    {
      limit: async () => PIPELINES / ((await timed(() => runScripts(world, services, limitPorts))) / 1000),
      ours: async () => {
        const commits: string[] = [];
        for (const service of services) {
          service.write({ 'www/slots': `${slots} ${Date.now()}\n` });
          commits.push(await service.push());
        }
        await allQueued(world, services, commits);
        const runner = await addRunner(world, poolId, slots);
        try {
          const ms = await timed(async () => {
            await runner.start();
            await Promise.all(services.map((service, at) => service.follow(commits[at]!, undefined, 1_000)));
          });
          return PIPELINES / (ms / 1000);
        } finally {
          await runner.stop();
        }
      },
    },
  );
  rates.set(slots, result.ours);
  return result;
}

async function prepare({ world, say }: BenchContext): Promise<Prepared> {
  say(`   ${PIPELINES} services are made`);
  const admin = world.admin();
  const { id: poolId } = await admin.catalog.createPool({ name: LABEL, team: null, labels: [LABEL], trust: 'trusted' });
  const slugs = Array.from({ length: PIPELINES }, (_, at) => `bench-many-${at + 1}`);
  const ports: Record<string, number> = {};
  for (const slug of slugs) ports[slug] = await freePort();
  const plan = { name: 'bench-many', order: 91, gate: { approvals: 0 }, ports, network: world.network('bench-many') };
  await putEnvironment(admin, plan, settingsOf(plan, world.parts.engine.address));
  const services: BenchService[] = [];
  for (const slug of slugs) services.push(await BenchService.create(world, slug, trivialFiles(slug, plan.name, LABEL)));
  return { services, poolId };
}

async function runScripts(world: World, services: readonly BenchService[], ports: readonly number[]): Promise<void> {
  const { docker } = world.parts.engine;
  const waiting = [...services];
  await withNetworks(docker, ports.length, (networks) =>
    Promise.all(
      ports.map(async (port, at) => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          await runScript({
            docker,
            registryHost: world.parts.registry.host,
            folder: next.tree.folder,
            network: networks[at]!,
            port,
          });
        }
      }),
    ),
  );
}

/** No runner serves the pool yet, so they stay where they are. */
async function allQueued(world: World, services: readonly BenchService[], commits: readonly string[]): Promise<void> {
  for (const [at, { slug }] of services.entries()) {
    await eventually(
      async () => (await world.admin().runs.listRuns({ service: slug, limit: 1 })).items[0]?.commit === commits[at],
      { timeoutMs: 30_000, everyMs: 50, describe: `the run of ${slug}` },
    );
  }
}

async function addRunner(world: World, poolId: string, slots: number): Promise<RunnerProcess> {
  const { token } = await world.admin().catalog.createRegistrationToken({ poolId });
  const name = `${LABEL}-${slots}`;
  return new RunnerProcess({
    root: world.root,
    serverUrl: world.servers.url,
    name,
    slots,
    registrationToken: token,
    workDir: join(world.folder, `runner-${name}`),
    logFile: join(world.folder, `runner-${name}.log`),
    env: {
      SLUICE_GIT_ALLOW_ORIGINS: world.gitHost.origin,
      ...(process.env['DOCKER_HOST'] ? { DOCKER_HOST: process.env['DOCKER_HOST'] } : {}),
    },
  });
}
