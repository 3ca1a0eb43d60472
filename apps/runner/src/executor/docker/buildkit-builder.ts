import type Docker from 'dockerode';
import type { AttemptLog } from '../../log/attempt-log.ts';
import { ExecutorTrouble } from '../executor.port.ts';
import { buildFailure } from './build-failure.ts';
import { BuildkitLog } from './buildkit-log.ts';
import type { BuildkitSession } from './buildkit-session.ts';
import { toTrouble } from './engine-trouble.ts';
import { readProgress } from './progress-stream.ts';
import type { BuildOrder } from './start-build.ts';
import { startBuild } from './start-build.ts';

/** What the engine's client would open a session of its own for, if it were text. */
const BUILDKIT = 2;
const TRACE = 'moby.buildkit.trace';

/**
 * Builds with the BuildKit inside of the engine. The image carries what another machine needs to take its layers (an inline cache), and
 * what `RUN --mount=type=cache` keeps in the engine is kept for this service and this trust alone.
 */
export async function buildWithBuildkit(
  docker: Docker,
  order: BuildOrder,
  session: BuildkitSession,
  log: AttemptLog,
  signal: AbortSignal,
): Promise<void> {
  const { work, cacheScope } = order.plan;
  const more = {
    version: BUILDKIT,
    session: session.id,
    buildargs: { BUILDKIT_INLINE_CACHE: '1', BUILDKIT_CACHE_MOUNT_NS: cacheScope },
    ...(work.cacheFrom === undefined ? {} : { cachefrom: JSON.stringify([work.cacheFrom]) }),
  };
  const answer = await startBuild(docker, order, more, signal);
  const progress = new BuildkitLog(log);
  let built = false;
  try {
    for await (const { id, aux, error } of readProgress(answer)) {
      if (id === TRACE && typeof aux === 'string') await progress.write(aux);
      if (typeof aux === 'object' && aux.ID !== undefined) built = true;
      if (error !== undefined) throw buildFailure(error);
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw toTrouble(error, 'build the image');
  }
  if (!built) throw new ExecutorTrouble('engine', 'The container engine ended the build without telling of an image.');
}
