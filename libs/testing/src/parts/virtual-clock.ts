export interface VirtualClock {
  /** A new Date at the clock's present. */
  now(): Date;
  /** Milliseconds since 1970 at the clock's present. */
  nowMs(): number;
  /** Calls `action` once the clock has advanced by `delayMs`; the answer takes it back. */
  schedule(delayMs: number, action: () => void): () => void;
  /** Resolves once the clock has advanced by `delayMs`; rejects with the signal's reason. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
  /** Moves time on, running what falls due in order of time, then of scheduling, each at its own moment. */
  advance(byMs: number): Promise<void>;
  /** How many timers wait. */
  readonly pending: number;
}

interface Timer {
  readonly at: number;
  readonly action: () => void;
}

/** A clock that stands still until a test advances it. Starts at 2026-01-01T00:00:00Z unless told. */
export function virtualClock(start: Date | number = Date.UTC(2026, 0, 1)): VirtualClock {
  let present = Number(start);
  const timers = new Set<Timer>();
  const schedule = (delayMs: number, action: () => void) => {
    const timer = { at: present + Math.max(0, delayMs), action };
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  const nextDue = (until: number) => {
    let next: Timer | undefined;
    for (const timer of timers) if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
    return next;
  };
  return {
    now: () => new Date(present),
    nowMs: () => present,
    schedule,
    sleep: (delayMs, signal) =>
      new Promise<void>((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        const takeBack = schedule(delayMs, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        const onAbort = () => {
          takeBack();
          reject(signal?.reason as Error);
        };
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    advance: async (byMs) => {
      const until = present + byMs;
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        timers.delete(timer);
        present = Math.max(present, timer.at);
        timer.action();
        await settle();
      }
      present = until;
      await settle();
    },
    get pending() {
      return timers.size;
    },
  };
}

/** Lets promise chains of what just ran take their next steps, which may schedule more. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
