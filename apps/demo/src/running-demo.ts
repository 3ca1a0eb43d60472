import { apiOf } from '@sluice/testing';
import { PORTS, type DemoFolder } from './demo-folder.ts';
import { DEMO_SERVICES, DEVELOPER } from './demo-services.ts';
import { followRun, waitsAtGate } from './follow-runs.ts';
import type { Progress } from './progress.ts';
import { pushExample } from './push-example.ts';

/** `--push` beside a running demo: one commit in one service, and the proof that no other service got a run. */
export async function joinRunningDemo(
  root: string,
  folder: DemoFolder,
  progress: Progress,
  service: string,
): Promise<void> {
  const { installation, gitPassword } = folder.read();
  if (!installation) throw new Error(`What answers on port ${PORTS.server} is not this clone's demo.`);
  const api = apiOf(`http://127.0.0.1:${PORTS.server}`, installation.people[DEVELOPER]!);
  const before = await newestRuns(api);
  const pushed = await pushExample(
    root,
    folder,
    {
      registryHost: `127.0.0.1:${PORTS.registry}`,
      pushUrl: `http://${DEVELOPER}:${encodeURIComponent(gitPassword)}@127.0.0.1:${PORTS.git}/${service}.git`,
    },
    service,
  );
  progress.stage(service, 'push', 'received', null, pushed.commit.slice(0, 12));
  await followRun(api, pushed, progress, waitsAtGate('production'));
  const after = await newestRuns(api);
  for (const { name } of DEMO_SERVICES) {
    const moved = before.get(name) !== after.get(name);
    progress.stage(name, 'runs', moved ? 'one more' : 'untouched', null, `newest run ${after.get(name) ?? 'none'}`);
    if (moved !== (name === service))
      throw new Error(`${name} ${moved ? 'got a run it should not have' : 'got no run'}.`);
  }
}

async function newestRuns(api: ReturnType<typeof apiOf>): Promise<Map<string, number | undefined>> {
  const board = await api.runs.board({});
  return new Map(board.services.map((service) => [service.slug, service.latest?.number]));
}
