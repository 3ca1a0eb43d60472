const NONE = -1;

/**
 * Aho-Corasick over bytes: finds every pattern in one pass, one step a byte, however many patterns there are.
 * A state stands for the longest suffix of the bytes seen so far that begins some pattern.
 *
 * Patterns are grown byte by byte into rows of 256 transitions only where they begin (the first two levels); deeper
 * states, of which a long key has thousands, keep their few children in a map.
 */
export class ByteAutomaton {
  /** Length of the state's suffix in bytes. */
  readonly depth: Int32Array;
  /** Length of the longest pattern that ends in the state; 0 when none does. */
  readonly longestEnd: Int32Array;
  readonly #root: Int32Array;
  readonly #children: readonly ReadonlyMap<number, number>[];
  readonly #fail: Int32Array;

  constructor(patterns: readonly Uint8Array[]) {
    const children: Map<number, number>[] = [new Map()];
    const depth: number[] = [0];
    const ends: number[] = [0];
    for (const pattern of patterns) {
      let state = 0;
      for (const byte of pattern) {
        let next = children[state]?.get(byte);
        if (next === undefined) {
          next = children.length;
          children[state]?.set(byte, next);
          children.push(new Map());
          depth.push((depth[state] ?? 0) + 1);
          ends.push(0);
        }
        state = next;
      }
      ends[state] = pattern.length;
    }
    this.depth = Int32Array.from(depth);
    this.longestEnd = Int32Array.from(ends);
    this.#children = children;
    this.#fail = new Int32Array(children.length);
    this.#root = new Int32Array(256);
    for (const [byte, state] of children[0] ?? []) this.#root[byte] = state;
    this.#link();
  }

  /** The state behind `byte`. Over a whole text this takes at most two moves a byte. */
  step(state: number, byte: number): number {
    let from = state;
    while (from !== 0) {
      const next = this.#children[from]?.get(byte) ?? NONE;
      if (next !== NONE) return next;
      from = this.#fail[from] ?? 0;
    }
    return this.#root[byte] ?? 0;
  }

  /** Breadth first, so that the shorter suffix of each state is complete before the state is. */
  #link(): void {
    const order = [...(this.#children[0]?.values() ?? [])];
    for (let i = 0; i < order.length; i++) {
      const state = order[i] ?? 0;
      const fail = this.#fail[state] ?? 0;
      if (this.longestEnd[state] === 0) this.longestEnd[state] = this.longestEnd[fail] ?? 0;
      for (const [byte, child] of this.#children[state] ?? []) {
        this.#fail[child] = this.step(fail, byte);
        order.push(child);
      }
    }
  }
}
