import { randomUUID } from 'node:crypto';
import { connectApi, type Api } from '@sluice/testing';
import type { World } from '../world/world.ts';
import { BenchService } from './bench-service.ts';

/** Jobs of the run that is queued again and again. */
export const JOBS_A_RUN = 200;

/**
 * A service whose jobs only runners of one label take, and such runners, each with a slot: they speak the protocol and run nothing.
 * A runner may poll 50 times a second.
 */
export async function simulatedRunners(world: World, slug: string, count: number) {
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
  for (let index = 0; index < count; index += 1) {
    const { token } = await admin.catalog.createRegistrationToken({ poolId: id });
    const runner = await open.runner.register({ token, name: `${slug}-${index}`, protocol: 1, version: 'bench' });
    runners.push(connectApi(world.servers.url, () => ({ authorization: `Bearer ${runner.token}` })));
  }
  // One push, and then its run again and again: pushes are not what is measured here.
  const first = await service.follow(await service.push(), (run) => run.jobs.length === JOBS_A_RUN);
  return {
    runners,
    queue: async (runs: number) => {
      for (let run = 0; run < runs; run += 1) await admin.runs.rerun({ runId: first.id });
    },
    /** Leases one after the other, each ended at once by its result. `taken`: told after each. */
    take: async (leases: number, taken: () => void = () => undefined) => {
      let left = leases;
      await Promise.all(
        runners.map(async (api) => {
          while (left > 0) {
            left -= 1;
            await takeOne(api);
            taken();
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
