/** Counts failures in a sliding window, in this process alone: with N replicas a guesser gets N times the tries. Bounded in size. */
export class AttemptLimiter {
  readonly #failures = new Map<string, number[]>();
  readonly #max: number;
  readonly #windowMs: number;
  constructor(max: number, windowMs: number) {
    this.#max = max;
    this.#windowMs = windowMs;
  }

  /** Seconds until another try is allowed; 0 = now. */
  secondsToWait(key: string, now: Date): number {
    const recent = this.#recent(key, now);
    const oldest = recent.at(-this.#max);
    return oldest === undefined ? 0 : Math.max(1, Math.ceil((oldest + this.#windowMs - now.getTime()) / 1000));
  }

  failed(key: string, now: Date): void {
    if (this.#failures.size >= 10_000 && !this.#failures.has(key))
      this.#failures.delete(this.#failures.keys().next().value!);
    this.#failures.set(key, [...this.#recent(key, now), now.getTime()].slice(-this.#max));
  }

  /** Takes back the newest failure only: a good sign-in must not reset what others did from the same address. */
  forgive(key: string): void {
    this.#failures.get(key)?.pop();
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }

  #recent(key: string, now: Date): number[] {
    return (this.#failures.get(key) ?? []).filter((at) => at > now.getTime() - this.#windowMs);
  }
}
