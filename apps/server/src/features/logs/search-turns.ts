import { Injectable } from '@nestjs/common';

const AT_ONCE = 2;

/** Searches keep a core busy: so many at a time in one process, the others wait in line. */
@Injectable()
export class SearchTurns {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await work();
    } finally {
      // The turn is handed on, so that nobody who comes now gets between.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
