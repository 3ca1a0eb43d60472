import type { ByteAutomaton } from './byte-automaton.ts';

/** Bytes that one mask covers, by their positions in the stream. */
interface Cover {
  start: number;
  end: number;
  /** The mask is already given out; the cover may still grow at its end. */
  given: boolean;
}

/**
 * The moving part of a masker. Nothing is buffered: bytes that are held back begin some pattern, so the automaton's state
 * alone says what they are.
 */
export class MaskedStream {
  readonly #automaton: ByteAutomaton;
  readonly #mask: Uint8Array;
  #state = 0;
  #position = 0;
  /** Everything before this position is given out or covered by a given mask. */
  #settled = 0;
  #covers: Cover[] = [];

  constructor(automaton: ByteAutomaton, mask: Uint8Array) {
    this.#automaton = automaton;
    this.#mask = mask;
  }

  get heldBytes(): number {
    return this.#position - Math.min(this.#settled, this.#position);
  }

  push(chunk: Uint8Array): Uint8Array {
    const { longestEnd, live } = this.#automaton;
    const held = this.#automaton.suffixOf(this.#state);
    const base = this.#position;
    let state = this.#state;
    for (let i = 0; i < chunk.length; i++) {
      state = this.#automaton.step(state, chunk[i] ?? 0);
      const length = longestEnd[state] ?? 0;
      if (length > 0) this.#cover(base + i + 1 - length, base + i + 1);
      state = live[state] ?? 0;
    }
    this.#state = state;
    this.#position = base + chunk.length;
    // No match to come begins before the state's suffix, so what lies before it is settled.
    return this.#give(this.#position - (this.#automaton.depth[state] ?? 0), held, base, chunk);
  }

  end(): Uint8Array {
    const held = this.#automaton.suffixOf(this.#state);
    const last = this.#give(this.#position, held, this.#position, new Uint8Array());
    this.#state = 0;
    this.#position = 0;
    this.#settled = 0;
    this.#covers = [];
    return last;
  }

  /** Adds a match; covers that share a byte with it become one with it. */
  #cover(start: number, end: number): void {
    const cover: Cover = { start, end, given: false };
    for (let last = this.#covers.at(-1); last !== undefined && last.end > start; last = this.#covers.at(-1)) {
      cover.start = Math.min(cover.start, last.start);
      cover.given ||= last.given;
      this.#covers.pop();
    }
    this.#covers.push(cover);
  }

  /** Gives everything before `horizon`; bytes before `base` come from `held`, the others from `chunk`. */
  #give(horizon: number, held: Uint8Array, base: number, chunk: Uint8Array): Uint8Array {
    const parts: Uint8Array[] = [];
    const raw = (from: number, to: number): void => {
      const heldStart = base - held.length;
      if (from < base) parts.push(held.subarray(from - heldStart, Math.min(to, base) - heldStart));
      if (to > base) parts.push(chunk.subarray(Math.max(from, base) - base, to - base));
    };
    let done = 0;
    for (const cover of this.#covers) {
      if (cover.start >= horizon) break;
      if (!cover.given) {
        if (cover.start > this.#settled) raw(this.#settled, cover.start);
        parts.push(this.#mask);
        cover.given = true;
      }
      this.#settled = Math.max(this.#settled, cover.end);
      // A match to come may begin inside of this cover; it then needs no mask of its own.
      if (cover.end > horizon) break;
      done++;
    }
    this.#covers.splice(0, done);
    if (this.#settled < horizon) {
      raw(this.#settled, horizon);
      this.#settled = horizon;
    }
    return joined(parts);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
