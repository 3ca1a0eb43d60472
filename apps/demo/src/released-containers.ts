import type Docker from 'dockerode';
import { DEMO_NETWORKS } from './demo-services.ts';

/** Other installations may use the same engine: only what is in the demo's networks is ours. */
const released = (status: 'running' | 'exited') => ({
  all: true,
  filters: { label: ['sluice.deployment'], network: Object.values(DEMO_NETWORKS), status: [status] },
});

/** The demo ends without containers left running; the next start brings back what was live. */
export async function stopReleased(docker: Docker): Promise<void> {
  const running = await docker.listContainers(released('running'));
  await Promise.all(running.map(({ Id }) => docker.getContainer(Id).stop({ t: 2 })));
}

export async function startReleased(docker: Docker): Promise<void> {
  const stopped = await docker.listContainers(released('exited'));
  await Promise.all(stopped.map(({ Id }) => docker.getContainer(Id).start()));
}
