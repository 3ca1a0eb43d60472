import type { Clock } from '../../platform/clock/clock.port.ts';
import { Problem } from '../../platform/http/problem.ts';

const PER_SECOND = 50;
const BURST = 100;

/** A flood of polls from one runner is answered 429 before it costs a query (A56). Counted per process. */
export class PollLimiter {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  admit(runnerId: string): void {
    const now = this.#clock.now().getTime();
    const bucket = this.#buckets.get(runnerId) ?? { tokens: BURST, at: now };
    bucket.tokens = Math.min(BURST, bucket.tokens + (Math.max(0, now - bucket.at) / 1_000) * PER_SECOND);
    bucket.at = now;
    this.#buckets.set(runnerId, bucket);
    if (bucket.tokens < 1) {
      throw new Problem(
        429,
        'too-many-polls',
        `A runner may poll ${PER_SECOND} times a second; wait before the next poll.`,
        { retryAfterSeconds: 1 },
      );
    }
    bucket.tokens -= 1;
  }
}
