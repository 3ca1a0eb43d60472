import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.port.ts';

/** So many at once, which a push of many branches or a morning of many people may need ... */
const BURST = 1_000;
/** ... and so many a second for as long as one likes. */
const PER_SECOND = 50;
const MAX_KEYS = 10_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** Bounds what one sender can make of one hook, in this process alone. A bucket per hook and address: a stranger cannot use up the forge's. */
@Injectable()
export class HookRate {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes one; seconds to wait when there is none, else 0. */
  take(hookId: string, address: string): number {
    const key = `${hookId} ${address}`;
    const now = this.#clock.now().getTime();
    const bucket = this.#buckets.get(key) ?? { tokens: BURST, at: now };
    bucket.tokens = Math.min(BURST, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * PER_SECOND);
    bucket.at = now;
    // Put at the end, so that the one dropped below was silent for longest.
    this.#buckets.delete(key);
    if (this.#buckets.size >= MAX_KEYS) this.#buckets.delete(this.#buckets.keys().next().value!);
    this.#buckets.set(key, bucket);
    if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / PER_SECOND);
    bucket.tokens -= 1;
    return 0;
  }
}
