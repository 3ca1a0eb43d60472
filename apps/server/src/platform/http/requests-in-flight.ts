import type { ServerResponse } from 'node:http';

/**
 * Knows which answers are in the making, so that a stop can refuse what comes anew and let them finish (F46). Streams are
 * marked by `exempt`: they are ended by their feature when the stop begins and get a moment to leave, but are never waited
 * for long.
 */
export class RequestsInFlight {
  readonly #open = new Set<ServerResponse>();
  readonly #exempt = new Set<ServerResponse>();
  readonly #held = new Set<Promise<unknown>>();
  readonly #waiting = new Set<() => void>();
  readonly #stop = new AbortController();

  /** Aborted when the stop begins, before anything is closed: whoever waits for something waits no longer. */
  get stopping(): AbortSignal {
    return this.#stop.signal;
  }

  /** From now on no request is taken. */
  refuse(): void {
    this.#stop.abort();
  }

  begin(response: ServerResponse): void {
    this.#open.add(response);
    response.once('close', () => {
      this.#open.delete(response);
      this.#exempt.delete(response);
      this.#changed();
    });
  }

  exempt(response: ServerResponse): void {
    if (!this.#open.delete(response)) return;
    this.#exempt.add(response);
    this.#changed();
  }

  /** Work that goes on when the connection of its request is gone, such as giving a lease back. */
  hold<T>(work: Promise<T>): Promise<T> {
    const held: Promise<void> = work.then(
      () => this.#letGo(held),
      () => this.#letGo(held),
    );
    this.#held.add(held);
    return work;
  }

  get count(): number {
    return Math.max(this.#open.size, this.#held.size);
  }

  /** Resolves with true when all are finished, false when `milliseconds` passed first; exempt ones get `graceMs` more. */
  async settled(milliseconds: number, graceMs: number): Promise<boolean> {
    const finished = await this.#until(() => this.count === 0, milliseconds);
    await this.#until(() => this.#exempt.size === 0, graceMs);
    return finished;
  }

  #letGo(held: Promise<unknown>): void {
    this.#held.delete(held);
    this.#changed();
  }

  #changed(): void {
    for (const look of this.#waiting) look();
  }

  async #until(condition: () => boolean, milliseconds: number): Promise<boolean> {
    if (condition()) return true;
    return new Promise((resolve) => {
      const end = (result: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(result);
      };
      const look = () => {
        if (condition()) end(true);
      };
      const timer = setTimeout(() => end(false), milliseconds);
      this.#waiting.add(look);
    });
  }
}
