import { readFileSync } from 'node:fs';

/** Proportional set size of a process in MiB: shared pages are counted once over all processes that share them. */
export function memoryMiB(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? Number.NaN) / 1024;
}

const LOOK_EVERY_MS = 250;

/** How far a process grew beyond its size at the start, at its largest, while work went on. */
export async function peakMemoryWhile<T>(pid: number, work: () => Promise<T>): Promise<{ result: T; grewMiB: number }> {
  const before = memoryMiB(pid);
  let peak = before;
  const look = setInterval(() => (peak = Math.max(peak, memoryMiB(pid))), LOOK_EVERY_MS);
  try {
    const result = await work();
    return { result, grewMiB: peak - before };
  } finally {
    clearInterval(look);
  }
}
