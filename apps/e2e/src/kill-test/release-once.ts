import { describePush, eventually, pushRequest } from '@sluice/testing';
import type { Scene } from '../scenario/scene.ts';
import { stepKinds } from '../steps/index.ts';

const PATIENCE_MS = 180_000;
const APPROVER = 'rita';

/** One push, through its gate, to the end of its run; whoever gets no answer asks again, as git hosts and people do. Returns the run's id. */
export async function releaseOnce(scene: Scene, name: string, files?: string): Promise<string> {
  await stepKinds
    .get('push')!
    .play(scene, { ...(files === undefined ? {} : { files }), as: name, by: 'dana', branch: 'main' });
  await redeliver(scene, name);
  const run = await eventually(() => scene.findRun(undefined, name), {
    timeoutMs: PATIENCE_MS,
    everyMs: 100,
    describe: `a run of ${name}`,
  });
  await approve(scene, name);
  await eventually(
    async () => {
      const { status, reason } = (await scene.findRun(undefined, name))!;
      if (status === 'passed') return true;
      if (['failed', 'errored', 'cancelled', 'superseded'].includes(status))
        throw new Otherwise(`run ${name} ${status}: ${reason?.message}`);
      return false;
    },
    {
      timeoutMs: PATIENCE_MS,
      everyMs: 100,
      describe: `the run of ${name} to pass`,
      giveUpOn: (error) => error instanceof Otherwise,
    },
  );
  return run.id;
}

class Otherwise extends Error {}

/** The hook's own try may have met a dying server; the same delivery is sent until it is taken. */
async function redeliver(scene: Scene, name: string): Promise<void> {
  const pushed = scene.push(name);
  if (/planning its runs/.test(pushed.output)) return;
  const repository = scene.repository(pushed.repository);
  const payload = describePush(repository.folder, repository.name, pushed.by, {
    before: pushed.before,
    after: pushed.commit,
    ref: pushed.ref,
  });
  const { url, headers, body } = pushRequest(
    `${scene.world.servers.url}${repository.hookPath}`,
    repository.hookSecret,
    payload,
    `kill-test-${name}`,
  );
  await eventually(async () => (await fetch(url, { method: 'POST', headers, body })).ok, {
    timeoutMs: PATIENCE_MS,
    everyMs: 100,
    describe: `the webhook of ${name} to be taken`,
  });
}

async function approve(scene: Scene, name: string): Promise<void> {
  const api = scene.world.api(APPROVER);
  await eventually(
    async () => {
      const lane = (await scene.findRun(undefined, name))?.lanes.find(
        ({ environment }) => environment === 'production',
      );
      if (!lane?.deploymentId) return false;
      if (lane.status !== 'waiting') return true;
      const card = await api.lanes.getApproval({ deploymentId: lane.deploymentId });
      await api.lanes.approve({ deploymentId: card.deploymentId, binding: card.binding });
      return true;
    },
    { timeoutMs: PATIENCE_MS, everyMs: 100, describe: `the gate of ${name}` },
  );
}
