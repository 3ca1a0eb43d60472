import type { ServerResponse } from 'node:http';

/** Knows how many answers are being made, so that a stop can let them finish (F46). Streams that never end by themselves leave by `exempt`. */
export class RequestsInFlight {
  readonly #open = new Set<ServerResponse>();
  readonly #waiting = new Set<() => void>();

  begin(response: ServerResponse): void {
    this.#open.add(response);
    response.once('close', () => this.exempt(response));
  }

  exempt(response: ServerResponse): void {
    this.#open.delete(response);
    if (this.#open.size > 0) return;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  get count(): number {
    return this.#open.size;
  }

  /** Resolves with true when all are finished, false when `milliseconds` passed first. */
  async settled(milliseconds: number): Promise<boolean> {
    if (this.#open.size === 0) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(done);
        resolve(false);
      }, milliseconds);
      const done = () => {
        clearTimeout(timer);
        resolve(true);
      };
      this.#waiting.add(done);
    });
  }
}
