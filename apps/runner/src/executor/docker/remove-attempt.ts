import type Docker from 'dockerode';
import { ExecutorTrouble } from '../executor.port.ts';
import { ATTEMPT_LABEL, RUNNER_LABEL } from './docker-names.ts';
import { removed, wordsOf } from './engine-trouble.ts';

/** A container that will not go within this time makes the runner unhealthy (F63). */
const REMOVAL_DEADLINE_MS = 30_000;

export interface AttemptParts {
  readonly containers: readonly Docker.Container[];
  readonly networks: readonly Docker.Network[];
  readonly volumes: readonly Docker.Volume[];
}

/** Ends and removes containers with all their processes, then what they used. Throws when something stays. */
export async function removeParts({ containers, networks, volumes }: AttemptParts): Promise<void> {
  await all(containers.map((container) => removed(() => removeContainer(container))));
  await all([
    ...networks.map((network) => removed(() => withDeadline(network.remove()))),
    ...volumes.map((volume) => removed(() => withDeadline(volume.remove({ force: true })))),
  ]);
}

/**
 * Everything with our label that neither an active attempt nor what is kept for later ones accounts for; asked after the listing, so what
 * begins meanwhile is safe.
 */
export async function findLeftovers(
  docker: Docker,
  runner: string,
  isActive: (attemptId: string) => boolean,
  isKnown: (name: string) => boolean,
): Promise<AttemptParts> {
  const filters = { label: [`${RUNNER_LABEL}=${runner}`] };
  const [containers, networks, volumes] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listNetworks({ filters }),
    docker.listVolumes({ filters }),
  ]);
  const old = (labels: Record<string, string> | null | undefined, names: readonly string[]) =>
    !isActive(labels?.[ATTEMPT_LABEL] ?? '') && !names.some(isKnown);
  return {
    containers: containers
      .filter(({ Labels, Names }) =>
        old(
          Labels,
          Names.map((name) => name.slice(1)),
        ),
      )
      .map(({ Id }) => docker.getContainer(Id)),
    networks: networks.filter(({ Name }) => !isKnown(Name)).map(({ Id }) => docker.getNetwork(Id)),
    volumes: volumes.Volumes.filter(({ Labels, Name }) => old(Labels, [Name])).map(({ Name }) =>
      docker.getVolume(Name),
    ),
  };
}

async function removeContainer(container: Docker.Container): Promise<void> {
  try {
    await withDeadline(container.remove({ force: true, v: true }));
  } catch (error) {
    // Someone else (a sweep) is at it already: wait for the end.
    if (!/already in progress/.test(wordsOf(error))) throw error;
    await removed(() => withDeadline(container.wait({ condition: 'removed' })));
  }
}

async function all(removals: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(removals)).filter((outcome) => outcome.status === 'rejected');
  if (failed[0] !== undefined)
    throw new ExecutorTrouble(
      'engine',
      `The container engine could not remove everything of the attempt: ${wordsOf(failed[0].reason)}`,
      { cause: failed[0].reason },
    );
}

async function withDeadline<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${REMOVAL_DEADLINE_MS / 1000} s`)),
      REMOVAL_DEADLINE_MS,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
