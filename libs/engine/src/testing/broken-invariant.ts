/** Thrown by the model checks; `id` is the id of the invariant in the reliability catalogue. */
export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant';
  readonly id: string;

  constructor(id: string, what: string) {
    super(`${id}: ${what}`);
    this.id = id;
  }
}

export function hold(id: string, condition: boolean, what: () => string): asserts condition {
  if (!condition) throw new BrokenInvariant(id, what());
}

/** One step of a generated sequence: numbers that are read against the state of the moment. */
export interface Move {
  readonly kind: number;
  readonly a: number;
  readonly b: number;
}

export function choose<T>(from: readonly T[], index: number): T | undefined {
  return from[index % Math.max(1, from.length)];
}

/** Times one second apart, ids in a row. */
export function steadyContext(): { now: string; newId(): string; tick(seconds?: number): void } {
  let second = 0;
  let ids = 0;
  return {
    get now() {
      return new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();
    },
    newId: () => `a${++ids}`,
    tick: (seconds = 1) => void (second += seconds),
  };
}
