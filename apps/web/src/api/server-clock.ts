import { useSyncExternalStore } from 'react';

/** Elapsed times follow the server's clock, so that a wrong clock on the reader's machine doesn't show. */
let offset = 0;
let now = Date.now();
const readers = new Set<() => void>();

/** `Date` headers carry whole seconds: half of one is added, and differences below 1.5 s are ignored. */
export function noteServerTime(dateHeader: string | null): void {
  if (dateHeader === null) return;
  const server = Date.parse(dateHeader);
  if (Number.isNaN(server)) return;
  const measured = server + 500 - Date.now();
  // Small differences are rounding and network time; the clock stays steady.
  if (Math.abs(measured - offset) > 1500) offset = measured;
}

export function serverNow(): number {
  return Date.now() + offset;
}

let timer: ReturnType<typeof setInterval> | undefined;
function subscribe(reader: () => void): () => void {
  if (readers.size === 0) now = serverNow();
  readers.add(reader);
  timer ??= setInterval(() => {
    if (document.hidden) return;
    now = serverNow();
    for (const each of readers) each();
  }, 1000);
  return () => {
    readers.delete(reader);
    if (readers.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}
const steady = (): (() => void) => () => undefined;

/** Milliseconds of the one shared clock, ticking once a second while `ticking`. */
export function useNow(ticking = true): number {
  return useSyncExternalStore(ticking ? subscribe : steady, () => now);
}
