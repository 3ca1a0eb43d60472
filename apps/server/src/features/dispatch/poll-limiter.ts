import type { Clock } from '../../platform/clock/clock.port.ts';
import { Problem } from '../../platform/http/problem.ts';

const PER_SECOND = 50;
const BURST = 100;
/** Beyond one live poll for each slot and one whose connection broke unnoticed: the last words of a drain or of trouble. */
const SPARE = 4;

/** A flood of polls from one runner, quick or held open, is answered 429 before it costs a query (A56). Counted per process. */
export class PollLimiter {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();
  readonly #open = new Map<string, number>();
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The poll counts as open until it is disposed of. */
  admit(runnerId: string, slots: number): Disposable {
    const open = this.#open.get(runnerId) ?? 0;
    const most = 2 * slots + SPARE;
    if (open >= most)
      throw tooMany(
        `A runner with ${slots} slots may have ${most} polls open; wait for an answer before the next poll.`,
      );
    this.#takeToken(runnerId);
    this.#open.set(runnerId, open + 1);
    return { [Symbol.dispose]: () => this.#close(runnerId) };
  }

  #takeToken(runnerId: string): void {
    const now = this.#clock.now().getTime();
    const bucket = this.#buckets.get(runnerId) ?? { tokens: BURST, at: now };
    bucket.tokens = Math.min(BURST, bucket.tokens + (Math.max(0, now - bucket.at) / 1_000) * PER_SECOND);
    bucket.at = now;
    this.#buckets.set(runnerId, bucket);
    if (bucket.tokens < 1) throw tooMany(`A runner may poll ${PER_SECOND} times a second; wait before the next poll.`);
    bucket.tokens -= 1;
  }

  #close(runnerId: string): void {
    const left = (this.#open.get(runnerId) ?? 1) - 1;
    if (left > 0) this.#open.set(runnerId, left);
    else this.#open.delete(runnerId);
  }
}

function tooMany(message: string): Problem {
  return new Problem(429, 'too-many-polls', message, { retryAfterSeconds: 1 });
}
