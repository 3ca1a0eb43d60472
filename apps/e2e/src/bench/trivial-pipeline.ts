import { freePort } from '@sluice/testing';
import { putEnvironment, settingsOf } from '../world/environments.ts';
import { interleave, timed, withSpent, type Bench } from './bench.ts';
import { BenchService } from './bench-service.ts';
import { runScript, withNetworks } from './engine-script.ts';
import { spentBy } from './spent.ts';
import { trivialFiles } from './trivial-service.ts';

const SLUG = 'bench-trivial';

/** Four trivial stages, one container a job, against a script that makes the same calls to the engine. */
export const trivialPipeline: Bench = async (context) => {
  const { world } = context;
  const { docker } = world.parts.engine;
  const [port, limitPort] = [await freePort(), await freePort()];
  const plan = {
    name: 'bench',
    order: 90,
    gate: { approvals: 0 },
    ports: { [SLUG]: port },
    network: world.network('bench'),
  };
  await putEnvironment(world.admin(), plan, settingsOf(plan, world.parts.engine.address));
  const service = await BenchService.create(world, SLUG, trivialFiles(SLUG, plan.name));
  await service.follow(await service.push());
  const spent: Record<string, number>[] = [];
  return withNetworks(docker, 1, async ([network = '']) => {
    let script: Record<string, number> = {};
    const measured = await interleave(
      context,
      {
        name: 'four-stage trivial pipeline, one container a job',
        budget: '<= 1.2x a script that makes the same engine API calls',
        unit: 'ms',
        allowed: (limit) => limit * 1.2,
        note: 'From run created to run ended; the script pulls, builds, pushes, starts and replaces as the product does, without git. Both have an empty network at hand.',
      },
      {
        limit: () =>
          timed(async () => {
            script = await runScript({
              docker,
              registryHost: world.parts.registry.host,
              folder: service.tree.folder,
              network,
              port: limitPort,
            });
          }),
        ours: async (round) => {
          service.write({ 'www/round': `${round} ${Date.now()}\n` });
          const run = await service.follow(await service.push());
          const scripted = Object.entries(script).map(([stage, ms]) => [`script: ${stage}`, ms]);
          spent.push({ ...spentBy(run), ...Object.fromEntries(scripted) });
          return Date.parse(run.finishedAt!) - Date.parse(run.createdAt);
        },
      },
    );
    return withSpent(measured, spent);
  });
};
