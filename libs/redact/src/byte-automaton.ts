/** States at most this deep get a full row of 256 moves: most bytes of a log are read from there. */
const ROW_DEPTH = 2;

/**
 * Aho-Corasick over bytes: finds every pattern in one pass, at most two moves a byte over a whole text, however many
 * patterns there are. A state stands for the longest suffix of the bytes so far that begins some pattern.
 *
 * A private key makes some 70,000 states with one child each, so children are numbers in flat arrays and only the few
 * states that branch have a map.
 */
export class ByteAutomaton {
  /** Length of the state's suffix in bytes. */
  readonly depth: Int32Array;
  /** Length of the longest pattern that ends in the state; 0 when none does. */
  readonly longestEnd: Int32Array;
  /** The state itself when it may still grow into a longer match, else the longest suffix of it that may. */
  readonly live: Int32Array;
  readonly #patterns: readonly Uint8Array[];
  /** A pattern that begins with the state's suffix. */
  readonly #owner: readonly number[];
  readonly #onlyByte: number[] = [-1];
  readonly #onlyChild: number[] = [0];
  readonly #branches = new Map<number, Map<number, number>>();
  readonly #fail: Int32Array;
  /** Start of the state's row in {@link #rows}, or -1. */
  readonly #rowAt: Int32Array;
  readonly #rows: Int32Array;

  constructor(patterns: readonly Uint8Array[]) {
    const depth = [0];
    const ends = [0];
    const owner = [0];
    patterns.forEach((pattern, index) => {
      let state = 0;
      for (const byte of pattern) {
        let next = this.#child(state, byte);
        if (next === 0) {
          next = depth.length;
          this.#adopt(state, byte, next);
          depth.push((depth[state] ?? 0) + 1);
          ends.push(0);
          owner.push(index);
        }
        state = next;
      }
      if (state !== 0) ends[state] = pattern.length;
    });
    this.#patterns = patterns;
    this.#owner = owner;
    this.depth = Int32Array.from(depth);
    this.longestEnd = Int32Array.from(ends);
    this.live = new Int32Array(depth.length);
    this.#fail = new Int32Array(depth.length);
    this.#rowAt = new Int32Array(depth.length).fill(-1);
    this.#rows = new Int32Array(256 * depth.filter((length) => length <= ROW_DEPTH).length);
    this.#link();
  }

  /** The state behind `byte`. */
  step(state: number, byte: number): number {
    let from = state;
    for (;;) {
      const row = this.#rowAt[from] ?? -1;
      if (row !== -1) return this.#rows[row + byte] ?? 0;
      const next = this.#child(from, byte);
      if (next !== 0) return next;
      from = this.#fail[from] ?? 0;
    }
  }

  /** The bytes that the state stands for. */
  suffixOf(state: number): Uint8Array {
    return (this.#patterns[this.#owner[state] ?? 0] ?? new Uint8Array()).subarray(0, this.depth[state]);
  }

  /** The child by this byte; 0, which is nobody's child, when there is none. */
  #child(state: number, byte: number): number {
    if (this.#onlyByte[state] === byte) return this.#onlyChild[state] ?? 0;
    return this.#branches.get(state)?.get(byte) ?? 0;
  }

  #adopt(state: number, byte: number, child: number): void {
    this.#onlyByte.push(-1);
    this.#onlyChild.push(0);
    if (this.#onlyByte[state] === -1) {
      this.#onlyByte[state] = byte;
      this.#onlyChild[state] = child;
      return;
    }
    const more = this.#branches.get(state) ?? new Map<number, number>();
    this.#branches.set(state, more.set(byte, child));
  }

  #childrenOf(state: number): (readonly [number, number])[] {
    const byte = this.#onlyByte[state] ?? -1;
    return byte === -1 ? [] : [[byte, this.#onlyChild[state] ?? 0], ...(this.#branches.get(state) ?? [])];
  }

  /** Breadth first: what a state falls back to is shorter, so it is complete before the state is looked at. */
  #link(): void {
    const order = [0];
    let rows = 0;
    for (const state of order) {
      const fail = this.#fail[state] ?? 0;
      const children = this.#childrenOf(state);
      if (this.longestEnd[state] === 0) this.longestEnd[state] = this.longestEnd[fail] ?? 0;
      this.live[state] = children.length > 0 ? state : (this.live[fail] ?? 0);
      for (const [byte, child] of children) {
        this.#fail[child] = state === 0 ? 0 : this.step(fail, byte);
        order.push(child);
      }
      if ((this.depth[state] ?? 0) > ROW_DEPTH) continue;
      const row = 256 * rows++;
      if (state !== 0) this.#rows.copyWithin(row, this.#rowAt[fail] ?? 0, (this.#rowAt[fail] ?? 0) + 256);
      for (const [byte, child] of children) this.#rows[row + byte] = child;
      this.#rowAt[state] = row;
    }
  }
}
