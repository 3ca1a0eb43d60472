import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** The only source of chance in a simulation. */
export class Random {
  #generator;
  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed | 0);
  }

  /** Each command begins its own chance, so that leaving one out changes little of what comes after it. */
  reseed(seed: number): void {
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

  pick<T>(from: readonly T[]): T | undefined {
    return from.length === 0 ? undefined : from[this.between(0, from.length - 1)];
  }
}
