import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describePush, pushRequest } from '@sluice/testing';
import type { World } from '../world/world.ts';
import { interleave, median, timed, withSpread, type Bench } from './bench.ts';
import { BenchService } from './bench-service.ts';

const LABEL = 'bench-host';
const HOOKS_A_ROUND = 10;
const SPAWNS = 10;
const JOBS = 4;

const made = new WeakMap<World, Promise<unknown>>();

/** One for all benches of a world, on a machine that runs jobs without a container. */
function hostRunner(world: World): Promise<unknown> {
  const runner = made.get(world) ?? world.addRunner(LABEL, 'trusted', { SLUICE_RUNNER_HOST_EXECUTOR: 'true' });
  made.set(world, runner);
  return runner;
}

const hostJob = (more = '') => `{ host: true, labels: [${LABEL}], ${more}steps: [{ run: "true" }] }`;

/** Accepted hook -> first command running, without a container. */
export const hostFirstCommand: Bench = async (context) => {
  const { world } = context;
  await hostRunner(world);
  const definition = (slug: string) => `service: ${slug}\ncommit: { jobs: { first: ${hostJob()} } }\n`;
  const service = await BenchService.create(world, 'bench-hook', { 'sluice.yaml': definition('bench-hook') }, false);
  let before = '0'.repeat(40);
  const firstCommand = async (): Promise<number> => {
    const commit = await service.push();
    const push = { before, after: commit, ref: 'refs/heads/main' };
    before = commit;
    const { folder, name, hookPath, hookSecret } = service.repository;
    const payload = await describePush(folder, name, 'dana', push);
    const { url, headers, body } = pushRequest(`${world.servers.url}${hookPath}`, hookSecret, payload, randomUUID());
    const answer = await fetch(url, { method: 'POST', headers, body });
    const acceptedAt = Date.now();
    if (!answer.ok) throw new Error(`The hook was answered with ${answer.status}.`);
    const run = await service.follow(commit);
    return Date.parse(run.jobs[0]!.attempts[0]!.steps[0]!.startedAt!) - acceptedAt;
  };
  await firstCommand();
  const mirrors = await bareMirrors(world, service);
  const each: number[] = [];
  const measured = await interleave(
    context,
    {
      name: 'accepted hook -> first command running, host executor',
      budget: `<= the same git commands in a bare script + ${SPAWNS} process spawns`,
      unit: 'ms',
      allowed: (limit) => limit,
      note: 'From the answer to the hook to the start of the first step as the runner reported it. The script: two fetches into mirrors that are there, the definition read, the tree laid out, `true` ten times.',
    },
    {
      limit: async () => {
        await service.push();
        before = await service.tree.head();
        return timed(() => sh(HOOK_SCRIPT, [...mirrors, world.gitHost.repositoryUrl(service.slug), tree(world)]));
      },
      ours: async () => {
        const hooks: number[] = [];
        for (let hook = 0; hook < HOOKS_A_ROUND; hook += 1) hooks.push(await firstCommand());
        each.push(...hooks);
        return median(hooks);
      },
    },
  );
  return withSpread(measured, each, 'hooks');
};

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
  return interleave(
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
        return timed(() => sh(JOBS_SCRIPT, [mirror, world.gitHost.repositoryUrl(slug), tree(world)]));
      },
      ours: async () => {
        const run = await service.follow(await service.push());
        return Date.parse(run.finishedAt!) - Date.parse(run.createdAt);
      },
    },
  );
};

const HOOK_SCRIPT = `
git -C "$1" fetch -q --no-tags "$3" '+refs/heads/*:refs/heads/*'
git -C "$1" cat-file blob main:sluice.yaml >/dev/null
git -C "$2" fetch -q --no-tags "$3" '+refs/heads/*:refs/heads/*'
git -C "$2" archive --format=tar main | tar -x -C "$4"
for i in ${Array.from({ length: SPAWNS }, (_, at) => at + 1).join(' ')}; do /bin/true; done
`;
const JOBS_SCRIPT = `
git -C "$1" fetch -q --no-tags "$2" '+refs/heads/*:refs/heads/*'
for i in ${Array.from({ length: JOBS }, (_, at) => at + 1).join(' ')}; do
  mkdir "$3/$i"
  git -C "$1" archive --format=tar main | tar -x -C "$3/$i"
  (cd "$3/$i" && sh -e -c true)
  rm -r "$3/$i"
done
`;

const sh = (script: string, args: readonly string[]) => execa('sh', ['-e', '-c', script, 'sh', ...args]);
const tree = (world: World) => mkdtempSync(join(world.folder, 'bench-tree-'));

/** As the server and the runner have them: made once. */
async function bareMirrors(world: World, { slug }: BenchService): Promise<[string, string]> {
  const url = world.gitHost.repositoryUrl(slug);
  const mirrors: [string, string] = [tree(world), tree(world)];
  for (const mirror of mirrors) {
    await execa('git', ['init', '-q', '--bare', mirror]);
    await execa('git', ['-C', mirror, 'fetch', '-q', '--no-tags', url, '+refs/heads/*:refs/heads/*']);
  }
  return mirrors;
}
