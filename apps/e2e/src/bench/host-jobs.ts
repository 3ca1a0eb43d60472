import type { World } from '../world/world.ts';
import { bareMirrors, newTree, sh } from './bare-git.ts';
import { interleave, timed, withSpent, type Bench } from './bench.ts';
import { BenchService } from './bench-service.ts';
import { spentBy } from './spent.ts';

const LABEL = 'bench-host';
const JOBS = 4;

const made = new WeakMap<World, Promise<unknown>>();

/** One for all benches of a world, on a machine that runs jobs without a container. */
export function hostRunner(world: World): Promise<unknown> {
  const runner = made.get(world) ?? world.addRunner(LABEL, 'trusted', { SLUICE_RUNNER_HOST_EXECUTOR: 'true' });
  made.set(world, runner);
  return runner;
}

export const hostJob = (more = '') => `{ host: true, labels: [${LABEL}], ${more}steps: [{ run: "true" }] }`;

/** Four trivial jobs one after the other, without a container. */
export const hostPipeline: Bench = async (context) => {
  const { world } = context;
  await hostRunner(world);
  const slug = 'bench-on-host';
  const stage = (name: string) =>
    `${name}: { jobs: { first: ${hostJob()}, second: ${hostJob('needs: [first], ')} } }\n`;
  const definition = `service: ${slug}\n${stage('commit')}${stage('test')}`;
  const service = await BenchService.create(world, slug, { 'sluice.yaml': definition });
  await service.follow(await service.push());
  const [mirror] = await bareMirrors(world, service);
  const spent: Record<string, number>[] = [];
  const measured = await interleave(
    context,
    {
      name: `trivial pipeline of ${JOBS} jobs one after the other, host executor`,
      budget: '<= 1.6x a plain shell script',
      unit: 'ms',
      allowed: (limit) => limit * 1.6,
      note: 'From run created to run ended. Two jobs in each of two stages, since an image and its release need an engine. The script: one fetch into a mirror that is there, then for each job the tree laid out, `sh -e -c true`, and the tree removed.',
    },
    {
      limit: async () => {
        await service.follow(await service.push());
        return timed(() => sh(JOBS_SCRIPT, [mirror, world.gitHost.repositoryUrl(slug), newTree(world)]));
      },
      ours: async () => {
        const run = await service.follow(await service.push());
        spent.push(spentBy(run));
        return Date.parse(run.finishedAt!) - Date.parse(run.createdAt);
      },
    },
  );
  return withSpent(measured, spent);
};

const JOBS_SCRIPT = `
git -C "$1" fetch -q --no-tags "$2" '+refs/heads/*:refs/heads/*'
for i in ${Array.from({ length: JOBS }, (_, at) => at + 1).join(' ')}; do
  mkdir "$3/$i"
  git -C "$1" archive --format=tar main | tar -x -C "$3/$i"
  (cd "$3/$i" && sh -e -c true)
  rm -r "$3/$i"
done
`;
