import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** The only source of chance: one seed gives one order of faults, whatever the machine makes of them. */
export class Random {
  readonly #generator;
  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed | 0);
  }

  /** From `min` to `max`, both included. */
  between(min: number, max: number): number {
    return uniformInt(this.#generator, min, max);
  }

  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.between(1, 100) <= percent;
  }

  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new Error('There is nothing to pick from.');
    return from[this.between(0, from.length - 1)]!;
  }

  /** A source of its own, so that what is drawn from one changes nothing of the other. */
  fork(): Random {
    return new Random(this.between(0, 0x7fffffff));
  }
}
