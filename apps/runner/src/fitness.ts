/**
 * Whether the runner may take work. Causes against it are set and cleared one by one; while there is one, no new job begins and the
 * sentence of the first is told to the server.
 */
export class Fitness {
  readonly #causes = new Map<string, string>();
  #fit: Promise<void> = Promise.resolve();
  #becomeFit: () => void = () => undefined;
  #unfit = new AbortController();

  /** Undefined when work may be taken. */
  get trouble(): string | undefined {
    return [...this.#causes.values()][0];
  }

  /** Aborted when no more work may be taken, also by a poll that is under way; a new one for each time of fitness. */
  readonly unfitSignal = (): AbortSignal => this.#unfit.signal;

  /** Kept as soon as work may be taken. */
  readonly whenFit = (): Promise<void> => this.#fit;

  set(cause: string, sentence: string): void {
    if (this.#causes.size === 0) this.#fit = new Promise((resolve) => (this.#becomeFit = resolve));
    this.#causes.set(cause, sentence);
    this.#unfit.abort();
  }

  clear(cause: string): void {
    if (!this.#causes.delete(cause) || this.#causes.size > 0) return;
    this.#unfit = new AbortController();
    this.#becomeFit();
  }
}
