import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { WorkTree } from '@sluice/testing';
import { interleave, median, timed, withSpread, type Bench } from './bench.ts';
import { BenchService } from './bench-service.ts';

const DEFINITION = (slug: string) => `service: ${slug}
commit: { jobs: { first: { image: "REGISTRY/base/busybox:1", steps: [{ run: "true" }] } } }
`;
const ALLOWED_OVERHEAD_MS = 60;
const PUSHES_A_ROUND = 5;

/** `git push` -> first command running, in a container started for the job. */
export const pushToFirstCommand: Bench = async (context) => {
  const { world } = context;
  const service = await BenchService.create(world, 'bench-first', { 'sluice.yaml': DEFINITION('bench-first') });
  await service.follow(await service.push());
  const image = `${world.parts.registry.host}/base/busybox:1`;
  const { url } = await world.gitHost.createRepository('bench-bare');
  const tree = new WorkTree(join(world.folder, 'work', 'bench-bare'), { name: 'Dana', email: 'dana@example.com' });
  await tree.init();
  const pushUrl = world.gitHost.repositoryUrl(service.slug, 'dana');
  const each: number[] = [];
  const measured = await interleave(
    context,
    {
      name: 'git push -> first command running, container started for the job',
      budget: `bare push + the longer of git work and one container start by API, + ${ALLOWED_OVERHEAD_MS} ms`,
      unit: 'ms',
      allowed: (limit) => limit + ALLOWED_OVERHEAD_MS,
      note: 'The first command is the start of the first step as the runner reported it.',
    },
    {
      ours: async () => {
        const pushes: number[] = [];
        for (let push = 0; push < PUSHES_A_ROUND; push += 1) pushes.push(await firstCommandAfterPush(service, pushUrl));
        each.push(...pushes);
        return median(pushes);
      },
      limit: async () => {
        await tree.commitAll('bench');
        const push = await timed(() => tree.push(world.gitHost.repositoryUrl('bench-bare', 'dana')));
        const gitWork = await timed(() => fetchAndCheckOut(world.folder, url));
        const start = await timed(async () => {
          const container = await world.parts.engine.docker.createContainer({
            Image: image,
            Cmd: ['sh', '-c', 'sleep 60'],
          });
          await container.start();
          void container.remove({ force: true });
        });
        return push + Math.max(gitWork, start);
      },
    },
  );
  return withSpread(measured, each, 'pushes');
};

async function firstCommandAfterPush(service: BenchService, url: string): Promise<number> {
  const commit = await service.tree.commitAll('bench');
  const pushedAt = Date.now();
  await service.tree.push(url);
  const run = await service.follow(commit);
  return Date.parse(run.jobs[0]!.attempts[0]!.steps[0]!.startedAt!) - pushedAt;
}

/** What any engine must do before a step can see the files: bring the commit, read the definition, lay the tree out. */
async function fetchAndCheckOut(folder: string, url: string): Promise<void> {
  const mirror = mkdtempSync(join(folder, 'bench-mirror-'));
  await execa('git', ['init', '-q', '--bare', mirror]);
  await execa('git', ['-C', mirror, 'fetch', '-q', '--no-tags', url, '+refs/heads/*:refs/heads/*']);
  await execa('git', ['-C', mirror, 'ls-tree', 'main']);
  await execa('git', ['-C', mirror, 'worktree', 'add', '-q', '--detach', join(mirror, 'tree'), 'main']);
}
