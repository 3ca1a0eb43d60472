import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { ImagePlan } from '../executor.port.ts';
import { buildFailure } from './build-failure.ts';
import { engineStatus, toTrouble, wordsOf } from './engine-trouble.ts';

/** One image of one platform. */
export interface BuildOrder {
  readonly plan: ImagePlan;
  /** `repository:tag` that the engine knows the image by. */
  readonly tag: string;
  /** Undefined: the engine's own. */
  readonly platform: string | undefined;
  /** Every step, whatever the engine remembers. */
  readonly anew?: boolean;
}

/** Sends the context to the engine with what every builder is told; the answer is its stream of messages. */
export async function startBuild(
  docker: Docker,
  { plan: { work, commit, sourceUrl, context }, tag, platform, anew = false }: BuildOrder,
  { buildargs = {}, ...more }: Record<string, unknown> & { readonly buildargs?: Readonly<Record<string, string>> },
  signal: AbortSignal,
): Promise<NodeJS.ReadableStream> {
  let source: Readable | undefined;
  try {
    source = await context();
    return await docker.buildImage(source, {
      t: tag,
      dockerfile: work.dockerfile,
      buildargs: { ...work.args, ...buildargs, SLUICE_COMMIT: commit },
      labels: { 'org.opencontainers.image.revision': commit, 'org.opencontainers.image.source': sourceUrl },
      abortSignal: signal,
      ...(work.target === undefined ? {} : { target: work.target }),
      ...(anew ? { nocache: true } : {}),
      ...(platform === undefined ? {} : { platform }),
      ...more,
    } as Docker.ImageBuildOptions);
  } catch (error) {
    source?.destroy();
    if (signal.aborted) throw error;
    // The engine refuses a Dockerfile that it cannot read before anything runs.
    if (engineStatus(error) === 400 || engineStatus(error) === 500) throw buildFailure(wordsOf(error));
    throw toTrouble(error, 'build the image');
  }
}
