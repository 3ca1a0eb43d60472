import { setTimeout as pause } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { AttemptLog } from '../../log/attempt-log.ts';
import type { StepsWork } from '../executor.port.ts';
import { JobRefused } from '../executor.port.ts';
import { copyOutput } from './exec-output.ts';
import { PROBE_SCRIPT } from './probe-service.ts';
import { runQuietly } from './run-in-container.ts';

export interface RunningService {
  readonly name: string;
  readonly container: Docker.Container;
  readonly spec: StepsWork['services'][string];
}

const NOTHING_TO_ASK_WITH = 3;
const HEALTHY_WITHIN_MS = 180_000;
const LOOK_EVERY_MS = 500;
const SHOWN_LINES = 50;

/**
 * Waits until each service answers. The question is asked inside the job's network, from the job's container; where its image has
 * nothing to ask with, the image's own health check decides, and without one a running container counts. A service that ends
 * or never gets healthy is the user's trouble: `JobRefused`, with the last lines of its output in the log.
 */
export async function awaitServices(
  job: Docker.Container,
  services: readonly RunningService[],
  log: AttemptLog,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(services.map((service) => awaitService(job, service, log, signal)));
}

async function awaitService(
  job: Docker.Container,
  service: RunningService,
  log: AttemptLog,
  signal: AbortSignal,
): Promise<void> {
  const { name, container, spec } = service;
  if (spec.port === undefined) return;
  const done = new AbortController();
  const watch = AbortSignal.any([signal, done.signal]);
  try {
    const { Networks } = (await container.inspect()).NetworkSettings;
    const address = Object.values(Networks)[0]?.IPAddress ?? name;
    const answered = runQuietly(
      job,
      ['sh', '-c', PROBE_SCRIPT, 'probe', name, String(spec.port), spec.healthy ?? '', address],
      watch,
    );
    const how = await Promise.race([
      answered.then((code) => (code === NOTHING_TO_ASK_WITH ? 'unaskable' : code === 0 ? 'healthy' : 'unanswered')),
      endOf(container, watch),
      deadline(watch),
    ]);
    signal.throwIfAborted();
    const outcome = how === 'unaskable' ? await askImage(container, name, log, watch) : how;
    if (outcome === 'healthy') return;
    await showOutput(container, name, log);
    const asked =
      spec.healthy === undefined ? `a connection on port ${spec.port}` : `GET ${spec.healthy} on port ${spec.port}`;
    throw new JobRefused(
      'service-unhealthy',
      outcome === 'ended'
        ? `The service "${name}" ended before it answered ${asked}.`
        : `The service "${name}" did not answer ${asked} within ${HEALTHY_WITHIN_MS / 1000} s.`,
    );
  } finally {
    done.abort();
  }
}

async function askImage(
  container: Docker.Container,
  name: string,
  log: AttemptLog,
  signal: AbortSignal,
): Promise<'healthy' | 'ended' | 'late'> {
  log.line(
    `the job's image has no node, python3, wget, curl, nc or bash to ask the service "${name}" with: its image's own health check decides`,
  );
  const end = performance.now() + HEALTHY_WITHIN_MS;
  while (performance.now() < end) {
    const { State } = await container.inspect();
    if (!State.Running) return 'ended';
    if (State.Health === undefined || State.Health.Status === 'healthy') return 'healthy';
    await pause(LOOK_EVERY_MS, undefined, { signal });
  }
  return 'late';
}

async function endOf(container: Docker.Container, signal: AbortSignal): Promise<'ended'> {
  for (;;) {
    if (!(await container.inspect()).State.Running) return 'ended';
    await quietPause(LOOK_EVERY_MS, signal);
  }
}

async function deadline(signal: AbortSignal): Promise<'late'> {
  await quietPause(HEALTHY_WITHIN_MS, signal);
  return 'late';
}

/** An aborted wait stays pending: the race it stands in has its winner. */
function quietPause(ms: number, signal: AbortSignal): Promise<void> {
  return pause(ms, undefined, { signal }).catch(() => new Promise<never>(() => undefined));
}

async function showOutput(container: Docker.Container, name: string, log: AttemptLog): Promise<void> {
  log.line(`the last output of the service "${name}":`);
  const output = await container.logs({ stdout: true, stderr: true, tail: SHOWN_LINES, follow: false });
  await copyOutput([output as unknown as Uint8Array] as unknown as AsyncIterable<Uint8Array>, log);
}
