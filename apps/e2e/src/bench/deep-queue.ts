import { randomUUID } from 'node:crypto';
import { connectApi, type Api } from '@sluice/testing';
import { interleave, timed, type Bench } from './bench.ts';
import { BenchService } from './bench-service.ts';

const JOBS_A_RUN = 200;
const DEEP = 10_000;
const LEASES = 300;
/** One may poll 50 times a second. */
const RUNNERS = 8;

/** Dispatch rate with 10,000 jobs queued against the rate with a short queue; the runner here only takes leases. */
export const deepQueue: Bench = async (context) => {
  const { world } = context;
  const [deep, shallow] = [await labelled(world, 'bench-deep'), await labelled(world, 'bench-shallow')];
  const runs = DEEP / JOBS_A_RUN;
  context.say(`queueing ${DEEP} jobs`);
  await deep.queue(runs);
  return interleave(
    context,
    {
      name: '10,000 queued jobs: dispatch rate at that depth',
      budget: '>= 0.9x the rate with a short queue',
      unit: '/s',
      better: 'higher',
      allowed: (limit) => limit * 0.9,
      note: `${LEASES} leases taken by ${RUNNERS} runners with a slot each, each lease ended at once by its result.`,
    },
    {
      limit: async () => {
        await shallow.queue(Math.ceil(LEASES / JOBS_A_RUN));
        return rate(await timed(() => shallow.take(LEASES)));
      },
      ours: async () => rate(await timed(() => deep.take(LEASES))),
    },
  );
};

function rate(ms: number): number {
  return (LEASES / ms) * 1000;
}

async function labelled(world: Parameters<Bench>[0]['world'], slug: string) {
  const jobs = Array.from(
    { length: JOBS_A_RUN },
    (_, index) =>
      `    j${index}: { image: "REGISTRY/base/busybox:1", labels: [${slug}], steps: [{ run: "true" }], retry: { on: [], times: 0 } }`,
  );
  const service = await BenchService.create(world, slug, {
    'sluice.yaml': `service: ${slug}\ncommit:\n  jobs:\n${jobs.join('\n')}\n`,
  });
  const admin = world.admin();
  const { id } = await admin.catalog.createPool({ name: slug, team: null, labels: [slug], trust: 'trusted' });
  const open = connectApi(world.servers.url);
  const runners: Api[] = [];
  for (let index = 0; index < RUNNERS; index += 1) {
    const { token } = await admin.catalog.createRegistrationToken({ poolId: id });
    const runner = await open.runner.register({ token, name: `${slug}-${index}`, protocol: 1, version: 'bench' });
    runners.push(connectApi(world.servers.url, () => ({ authorization: `Bearer ${runner.token}` })));
  }
  // One push, and then its run again and again: pushes are not what is measured here.
  const first = await service.follow(await service.push(), (run) => run.jobs.length === JOBS_A_RUN);
  return {
    queue: async (count: number) => {
      for (let run = 0; run < count; run += 1) await admin.runs.rerun({ runId: first.id });
    },
    take: async (count: number) => {
      let left = count;
      await Promise.all(
        runners.map(async (api) => {
          while (left > 0) {
            left -= 1;
            await takeOne(api);
          }
        }),
      );
    },
  };
}

/** A job passes only with all its steps. */
const PASSED_STEP = {
  index: 0,
  name: 'true',
  status: 'passed' as const,
  startedAt: null,
  finishedAt: null,
  exitCode: 0,
  logOffset: null,
};

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

async function takeOne(api: Api): Promise<void> {
  const { lease } = await api.runner.poll({ pollId: randomUUID(), slots: 1, waitSeconds: 20, protocol: 1 });
  if (!lease) throw new Error('a poll came back empty although jobs are queued');
  const { attemptId, epoch } = lease;
  await api.runner.start({ attemptId, epoch });
  await api.runner.result({
    attemptId,
    epoch,
    result: { outcome: 'passed', steps: [PASSED_STEP], log: { length: 0, sha256: EMPTY_SHA256, truncated: false } },
  });
}
