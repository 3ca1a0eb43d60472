import type Docker from 'dockerode';
import type { DemoFolder } from './demo-folder.ts';
import { DEMO_SERVICES } from './demo-services.ts';

/** Other installations may use the same engine: only what is in this demo's networks is ours. */
const released = (folder: DemoFolder, status: 'running' | 'exited') => ({
  all: true,
  filters: {
    label: ['sluice.deployment'],
    network: [folder.network('staging'), folder.network('production')],
    status: [status],
  },
});

/** The demo ends without containers left running; the next start brings back what was live. */
export async function stopReleased(docker: Docker, folder: DemoFolder): Promise<void> {
  const running = await docker.listContainers(released(folder, 'running'));
  await Promise.all(running.map(({ Id }) => docker.getContainer(Id).stop({ t: 2 })));
}

/**
 * What was live is live again. What the engine cannot start any more (somebody pruned its networks), and what an earlier clone in this
 * very folder left, is removed: the next release makes it anew.
 */
export async function startReleased(docker: Docker, folder: DemoFolder, say: (line: string) => void): Promise<void> {
  const isFirstStart = folder.read().installation === undefined;
  const stopped = await docker.listContainers(released(folder, 'exited'));
  await Promise.all(
    stopped.map(async ({ Id, Names }) => {
      const container = docker.getContainer(Id);
      const why = isFirstStart ? 'an earlier clone in this folder left it' : await whyNotStarted(container);
      if (why === undefined) return;
      say(`Removing ${Names[0]?.slice(1) ?? Id}: ${why}`);
      await container.remove({ force: true });
    }),
  );
}

async function whyNotStarted(container: Docker.Container): Promise<string | undefined> {
  try {
    await container.start();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error);
  }
}

/**
 * Stops what a demo that was killed, here or in another clone, left on the ports of this one. No such demo runs, since
 * the server's port is free. A port held by anything else is an error that names the holder.
 */
export async function freePublishedPorts(docker: Docker, say: (line: string) => void): Promise<void> {
  const ports = new Set(DEMO_SERVICES.flatMap(({ ports }) => [ports.staging, ports.production]));
  for (const { Id, Names, Labels, Ports } of await docker.listContainers()) {
    const port = Ports.find(({ PublicPort }) => ports.has(PublicPort))?.PublicPort;
    if (port === undefined) continue;
    const name = Names[0]?.slice(1) ?? Id;
    if (Labels['sluice.deployment'] === undefined)
      throw new Error(`The demo needs port ${port}, which the container ${name} holds: docker stop ${name}`);
    say(`Stopping ${name}, which another demo left on port ${port}`);
    await docker.getContainer(Id).stop({ t: 2 });
  }
}
