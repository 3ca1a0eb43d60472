import { randomUUID } from 'node:crypto';
import { describePush, eventually, pushRequest } from '@sluice/testing';
import { bareMirrors, newTree, sh } from './bare-git.ts';
import { interleave, median, timed, withSpread, type Bench } from './bench.ts';
import { BenchService } from './bench-service.ts';
import { hostJob, hostRunner } from './host-jobs.ts';

const WARM_LABEL = 'bench-warm';
const HOOKS_A_ROUND = 10;
const SPAWNS = 10;

interface JobPlace {
  readonly name: string;
  readonly slug: string;
  readonly job: string;
  /** Kept when the next hook finds what it is measured with. */
  readonly ready: () => Promise<unknown>;
}

/** Accepted hook -> first command running, without a container. */
export const hostFirstCommand: Bench = async (context) => {
  await hostRunner(context.world);
  const ready = () => Promise.resolve();
  return hookToFirstCommand(context, { name: 'host executor', slug: 'bench-hook', job: hostJob(), ready });
};

/** Accepted hook -> first command running, in a container that was started before. */
export const warmFirstCommand: Bench = async (context) => {
  const { world } = context;
  await world.addRunner(WARM_LABEL, 'trusted', { SLUICE_RUNNER_WARM_CONTAINERS: '1' });
  const ready = () =>
    eventually(
      async () =>
        (await world.parts.engine.docker.listContainers({ filters: { name: ['sluice-warm-'], status: ['running'] } }))
          .length > 0,
      { everyMs: 20, describe: 'a container that waits' },
    );
  const job = `{ labels: [${WARM_LABEL}], image: "REGISTRY/base/busybox:1", steps: [{ run: "true" }] }`;
  return hookToFirstCommand(context, { name: 'warm container', slug: 'bench-warm', job, ready });
};

async function hookToFirstCommand(
  context: Parameters<Bench>[0],
  { name: place, slug, job, ready }: JobPlace,
): ReturnType<Bench> {
  const { world } = context;
  const definition = `service: ${slug}\ncommit: { jobs: { first: ${job} } }\n`;
  const service = await BenchService.create(world, slug, { 'sluice.yaml': definition }, false);
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
  // An image counts as used again from its second job on.
  await firstCommand();
  await firstCommand();
  const mirrors = await bareMirrors(world, service);
  const each: number[] = [];
  const measured = await interleave(
    context,
    {
      name: `accepted hook -> first command running, ${place}`,
      budget: `<= the same git commands in a bare script + ${SPAWNS} process spawns`,
      unit: 'ms',
      allowed: (limit) => limit,
      note: 'From the answer to the hook to the start of the first step as the runner reported it. The script: two fetches into mirrors that are there, the definition read, the tree laid out, `true` ten times.',
    },
    {
      limit: async () => {
        await service.push();
        before = await service.tree.head();
        return timed(() => sh(HOOK_SCRIPT, [...mirrors, world.gitHost.repositoryUrl(service.slug), newTree(world)]));
      },
      ours: async () => {
        const hooks: number[] = [];
        for (let hook = 0; hook < HOOKS_A_ROUND; hook += 1) {
          await ready();
          hooks.push(await firstCommand());
        }
        each.push(...hooks);
        return median(hooks);
      },
    },
  );
  return withSpread(measured, each, 'hooks');
}

const HOOK_SCRIPT = `
git -C "$1" fetch -q --no-tags "$3" '+refs/heads/*:refs/heads/*'
git -C "$1" cat-file blob main:sluice.yaml >/dev/null
git -C "$2" fetch -q --no-tags "$3" '+refs/heads/*:refs/heads/*'
git -C "$2" archive --format=tar main | tar -x -C "$4"
for i in ${Array.from({ length: SPAWNS }, (_, at) => at + 1).join(' ')}; do /bin/true; done
`;
