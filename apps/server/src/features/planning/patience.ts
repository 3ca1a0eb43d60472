import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.port.ts';

const PATIENCE_MS = 15 * 60_000;

/** How long work that nobody waits for is tried again while a repository cannot be read. */
@Injectable()
export class Patience {
  readonly #clock: Clock;
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isOver(since: string): boolean {
    return this.#clock.now().getTime() - Date.parse(since) > PATIENCE_MS;
  }
}
