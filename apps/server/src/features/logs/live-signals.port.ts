import { Injectable } from '@nestjs/common';

/** Tells those who watch a log that it has grown. A hint: readers fetch bytes by offset. Must return at once and never throw. */
export abstract class LiveSignals {
  abstract logGrew(attemptId: string, length: number, sealed: boolean): void;
}

/** For a server without live view, and for specs. */
@Injectable()
export class NoLiveSignals extends LiveSignals {
  override logGrew(): void {
    return;
  }
}
