/** What is looked at, and what is done; sizes in bytes, `busy` from 0 to 1 since the last look. */
export interface IdleCollectionParts {
  readonly busy: () => number;
  readonly size: () => number;
  readonly collect: () => void;
}

const BUSY = 0.1;
const GROWN = 16 * 1024 * 1024;
/** Looks from one collection to the next: each one stops the process for a tenth of a second. */
const LOOKS_BETWEEN = 12;

/**
 * The engine collects garbage while it makes more: a server that was busy and then rests keeps twice or three times what it needs, for
 * as long as it rests. So a rest after growth is used to collect it all.
 */
export class IdleCollection {
  readonly #parts: IdleCollectionParts;
  /** After the last collection, or less where memory was given back since. */
  #settled: number | undefined;
  #looks = LOOKS_BETWEEN;

  constructor(parts: IdleCollectionParts) {
    this.#parts = parts;
  }

  /** To be called every few seconds. */
  look(): void {
    const { busy, size, collect } = this.#parts;
    // Asked for in any case: it counts from the last time.
    const isBusy = busy() > BUSY;
    const now = size();
    if (this.#settled !== undefined) this.#settled = Math.min(this.#settled, now);
    this.#looks += 1;
    if (isBusy || this.#looks < LOOKS_BETWEEN || now <= (this.#settled ?? 0) + GROWN) return;
    collect();
    this.#looks = 0;
    this.#settled = size();
  }
}
