import type Docker from 'dockerode';

const RELEASED = { label: ['sluice.deployment'] };

/** The demo ends without containers left running; the next start brings back what was live. */
export async function stopReleased(docker: Docker): Promise<void> {
  const running = await docker.listContainers({ filters: { ...RELEASED, status: ['running'] } });
  await Promise.all(running.map(({ Id }) => docker.getContainer(Id).stop({ t: 2 })));
}

export async function startReleased(docker: Docker): Promise<void> {
  const stopped = await docker.listContainers({ all: true, filters: { ...RELEASED, status: ['exited'] } });
  await Promise.all(stopped.map(({ Id }) => docker.getContainer(Id).start()));
}
