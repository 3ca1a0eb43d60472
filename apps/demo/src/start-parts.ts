import {
  provideBaseImages,
  ServerProcess,
  startDockerEngine,
  startGitHost,
  startRegistry,
  type DockerEngine,
  type GitHost,
  type Registry,
} from '@sluice/testing';
import { PORTS, type DemoFolder } from './demo-folder.ts';
import { DEVELOPER } from './demo-services.ts';
import type { Progress } from './progress.ts';
import { freePublishedPorts, startReleased, stopReleased } from './released-containers.ts';

export interface DemoParts {
  readonly engine: DockerEngine;
  readonly registry: Registry;
  readonly gitHost: GitHost;
  readonly server: ServerProcess;
  stop(): Promise<void>;
}

/** Container engine, registry, git host and the product itself; what already runs or lies there is reused. */
export async function startParts(root: string, folder: DemoFolder, progress: Progress): Promise<DemoParts> {
  const report = (line: string) => progress.say(line);
  const stops: (() => Promise<void>)[] = [];
  /** What cannot be stopped is said, and keeps nothing else from stopping. */
  const stop = async () => {
    for (const one of stops.splice(0).toReversed())
      await one().catch((error: unknown) =>
        report(`Not stopped: ${error instanceof Error ? error.message : String(error)}`),
      );
  };
  try {
    const engine = await startDockerEngine({ stateDir: folder.file('engine'), report });
    stops.push(() => engine.stop());
    progress.say(`Container engine ${engine.version}${engine.startedByUs ? ' (started for the demo)' : ''}`);
    const registry = await startRegistry({ dataDir: folder.file('registry'), port: PORTS.registry, report });
    stops.push(() => registry.stop());
    const gitHost = await startGitHost({
      root: folder.file('repositories'),
      port: PORTS.git,
      users: { [DEVELOPER]: folder.read().gitPassword },
    });
    stops.push(() => gitHost.stop());
    progress.say(`Registry ${registry.host} and git host ${gitHost.origin}`);
    await provideBaseImages({ docker: engine.docker, registry, report });
    const server = new ServerProcess({
      root,
      port: PORTS.server,
      dataDir: folder.file('data'),
      logFile: folder.file('server.log'),
      env: {
        PUBLIC_URL: `http://localhost:${PORTS.server}`,
        SLUICE_GIT_ALLOW_ORIGINS: gitHost.origin,
        SLUICE_DOCKER_ENGINES: engine.address,
        SLUICE_RUNNER_SLOTS: '3',
        ...(process.env['DOCKER_HOST'] ? { DOCKER_HOST: process.env['DOCKER_HOST'] } : {}),
      },
    });
    await freePublishedPorts(engine.docker, report);
    // After the server, which would start more of them.
    stops.push(() => stopReleased(engine.docker, folder));
    await startReleased(engine.docker, folder, report);
    await server.start();
    stops.push(() => server.stop());
    progress.say(`Sluice is ready at http://localhost:${PORTS.server}`);
    return { engine, registry, gitHost, server, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
