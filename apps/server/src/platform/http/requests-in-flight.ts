import type { ServerResponse } from 'node:http';

/**
 * Knows which answers are in the making, so that a stop can let them finish (F46). Streams and long polls are marked by
 * `exempt`: they are ended by their features when the stop begins and get a moment to leave, but are never waited for long.
 */
export class RequestsInFlight {
  readonly #open = new Set<ServerResponse>();
  readonly #exempt = new Set<ServerResponse>();
  readonly #waiting = new Set<() => void>();

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

  get count(): number {
    return this.#open.size;
  }

  /** Resolves with true when all are finished, false when `milliseconds` passed first; exempt ones get `graceMs` more. */
  async settled(milliseconds: number, graceMs: number): Promise<boolean> {
    const finished = await this.#until(() => this.#open.size === 0, milliseconds);
    await this.#until(() => this.#exempt.size === 0, graceMs);
    return finished;
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
