import { statfs } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Fitness } from '../fitness.ts';

const LOOK_EVERY_MS = 10_000;
const MIB = 1024 * 1024;

export interface DiskGuard {
  readonly folder: string;
  readonly minFreeMiB: number;
  readonly fitness: Fitness;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Bytes that this user may still write. */
  readonly freeBytes?: (folder: string) => Promise<number>;
  readonly everyMs?: number;
}

/** Jobs that began with no room for their mirror and log would only fail: below the floor no new one is taken (F41). */
export async function guardDisk(guard: DiskGuard): Promise<void> {
  const { signal, everyMs = LOOK_EVERY_MS } = guard;
  while (!signal.aborted) {
    await look(guard);
    await pause(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

async function look({ folder, minFreeMiB, fitness, logger, freeBytes = freeBytesOf }: DiskGuard): Promise<void> {
  try {
    const free = Math.floor((await freeBytes(folder)) / MIB);
    if (free >= minFreeMiB) return fitness.clear('disk');
    const sentence = `The disk of the work folder has ${free} MiB left, fewer than the ${minFreeMiB} that a new job needs: make room on that machine.`;
    if (fitness.trouble === undefined) logger.error(sentence);
    fitness.set('disk', sentence);
  } catch (error) {
    // What cannot be measured is no reason to stop; a job finds out itself.
    logger.warn({ err: error }, 'the free space of the work folder cannot be read');
  }
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
