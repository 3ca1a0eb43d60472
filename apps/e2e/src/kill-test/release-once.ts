import { describePush, eventually, pushRequest } from '@sluice/testing';
import type { Scene } from '../scenario/scene.ts';
import { stepKinds } from '../steps/index.ts';

const PATIENCE_MS = 120_000;
const APPROVER = 'rita';
const ENDS = ['passed', 'failed', 'errored', 'cancelled', 'superseded'];

/** Pushes these files until the server has taken the push. Resolves with the id of its run. */
export async function pushOnce(scene: Scene, name: string, files: string): Promise<string> {
  await stepKinds.get('push')!.play(scene, { files, as: name, by: 'dana', branch: 'main' });
  await redeliver(scene, name);
  const run = await eventually(() => scene.findRun(undefined, name), {
    timeoutMs: PATIENCE_MS,
    everyMs: 100,
    describe: `a run of ${name}`,
  });
  return run.id;
}

/** Waits for the run's end, which must be this one. */
export async function endOf(scene: Scene, name: string, end: 'passed' | 'failed'): Promise<void> {
  await eventually(
    async () => {
      const { status, reason } = (await scene.findRun(undefined, name))!;
      if (status !== end && ENDS.includes(status))
        throw new Otherwise(`run ${name} ${status}: ${reason?.message}, expected ${end}`);
      return status === end;
    },
    {
      timeoutMs: PATIENCE_MS,
      everyMs: 100,
      describe: `the run of ${name} to be ${end}`,
      giveUpOn: (error) => error instanceof Otherwise,
    },
  );
}

class Otherwise extends Error {}

/** The hook's own try may have met a dying server; the same delivery is sent until it is taken. */
async function redeliver(scene: Scene, name: string): Promise<void> {
  const pushed = scene.push(name);
  if (/planning its runs/.test(pushed.output)) return;
  const repository = scene.repository(pushed.repository);
  const payload = await describePush(repository.folder, repository.name, pushed.by, {
    before: pushed.before,
    after: pushed.commit,
    ref: pushed.ref,
  });
  await eventually(
    async () => {
      const { url, headers, body } = pushRequest(
        `${scene.world.servers.url}${repository.hookPath}`,
        repository.hookSecret,
        payload,
        `kill-test-${name}`,
      );
      return (await fetch(url, { method: 'POST', headers, body })).ok;
    },
    { timeoutMs: PATIENCE_MS, everyMs: 100, describe: `the webhook of ${name} to be taken` },
  );
}

/** Resolves when the release waits at the gate of production. */
export async function comeToGate(scene: Scene, name: string): Promise<void> {
  await eventually(async () => (await productionOf(scene, name))?.status === 'waiting', {
    timeoutMs: PATIENCE_MS,
    everyMs: 100,
    describe: `${name} to come to the gate`,
  });
}

export async function approve(scene: Scene, name: string): Promise<void> {
  await eventually(
    async () => {
      const api = scene.world.api(APPROVER);
      const lane = await productionOf(scene, name);
      if (!lane?.deploymentId) return false;
      if (lane.status !== 'waiting') return true;
      const card = await api.lanes.getApproval({ deploymentId: lane.deploymentId });
      await api.lanes.approve({ deploymentId: card.deploymentId, binding: card.binding });
      return true;
    },
    { timeoutMs: PATIENCE_MS, everyMs: 100, describe: `the gate of ${name}` },
  );
}

async function productionOf(scene: Scene, name: string) {
  return (await scene.findRun(undefined, name))?.lanes.find(({ environment }) => environment === 'production');
}
