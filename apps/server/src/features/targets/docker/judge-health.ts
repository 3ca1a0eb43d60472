import type { Instant } from '@sluice/engine';
import type { DockerMemory, NewContainer } from './docker-world.ts';

export type HealthJudgement =
  | { readonly kind: 'healthy' }
  | { readonly kind: 'unhealthy'; readonly code: string; readonly why: string }
  | { readonly kind: 'wait'; readonly until: Instant; readonly memory: DockerMemory };

/** Without any check declared, staying up this long is all that can be asked for. */
const STEADY_MS = 5_000;
const MAX_ENGINE_RESTARTS = 3;

/**
 * Is the started container healthy? `healthPath` decides when it is set, else the engine's health state, else that it
 * stays up. A container that ends is unhealthy at once; one that the engine's own restart interrupted gets its time anew.
 */
export function judgeHealth(
  mine: NewContainer,
  { healthPath, healthTimeoutSeconds }: { readonly healthPath: string | null; readonly healthTimeoutSeconds: number },
  before: DockerMemory,
  now: Instant,
): HealthJudgement {
  const nowMs = Date.parse(now);
  const limitMs = healthTimeoutSeconds * 1000;
  const memory = interruptedByEngine(mine, before, nowMs, limitMs);
  const startedMs = Date.parse(memory.startedAt ?? now);
  const overdue = nowMs >= Date.parse(memory.healthUntil ?? now);

  // With its restart policy a container that ended by itself is being restarted; one that only stands still was stopped,
  // with the engine or by a person, and may come back.
  const stoodStill = mine.state === 'exited' && mine.restarts === 0 && !mine.outOfMemory;
  if (stoodStill && !overdue) return { kind: 'wait', until: new Date(nowMs + 1_000).toISOString(), memory };
  if (mine.restarts > 0 || (mine.state !== 'running' && mine.state !== 'paused')) return ending(mine);
  if (healthPath === null && mine.health === 'unhealthy') {
    return { kind: 'unhealthy', code: 'not-healthy', why: 'The health check of the new container says unhealthy.' };
  }
  if (healthPath !== null ? mine.probe?.ok === true : mine.health === 'healthy') return { kind: 'healthy' };
  const unchecked = healthPath === null && mine.health === null;
  if (unchecked && nowMs - startedMs >= Math.min(STEADY_MS, limitMs)) return { kind: 'healthy' };

  if (overdue) {
    const last =
      healthPath === null
        ? `its health state is ${mine.health ?? 'unknown'}`
        : (mine.probe?.text ?? 'it was never asked');
    return {
      kind: 'unhealthy',
      code: 'not-healthy',
      why: `The new container was not healthy within ${healthTimeoutSeconds} s: ${last}.`,
    };
  }
  const pause = nowMs - startedMs < 10_000 ? 300 : 1_500;
  return { kind: 'wait', until: new Date(nowMs + pause).toISOString(), memory };
}

function ending(mine: NewContainer): HealthJudgement {
  if (mine.outOfMemory)
    return {
      kind: 'unhealthy',
      code: 'out-of-memory',
      why: 'The new container used more memory than its limit and was ended by the engine.',
    };
  // Seen between two restarts by the engine, it runs and has no exit code.
  const how = mine.exitCode === null ? 'by itself' : `with exit code ${mine.exitCode}`;
  return {
    kind: 'unhealthy',
    code: 'exited',
    why: `The new container ended ${how} before it was healthy.`,
  };
}

/** A new start time without a restart of its own: the engine (or a person) started the container again. */
function interruptedByEngine(mine: NewContainer, memory: DockerMemory, nowMs: number, limitMs: number): DockerMemory {
  const begin = { startedAt: new Date(nowMs).toISOString(), healthUntil: new Date(nowMs + limitMs).toISOString() };
  const known = memory.startedAt === undefined || memory.healthUntil === undefined ? { ...memory, ...begin } : memory;
  if (mine.startedAt === null || mine.startedAt === known.seenStart) return known;
  if (known.seenStart === undefined) return { ...known, seenStart: mine.startedAt };
  const engineRestarts = (known.engineRestarts ?? 0) + 1;
  if (engineRestarts > MAX_ENGINE_RESTARTS) return known;
  return { ...known, ...begin, seenStart: mine.startedAt, engineRestarts };
}
