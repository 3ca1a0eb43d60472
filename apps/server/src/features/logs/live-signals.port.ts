/** Tells those who watch a log that it has grown. A hint: readers fetch bytes by offset. Must return at once and never throw. */
export abstract class LiveSignals {
  abstract logGrew(attemptId: string, length: number, sealed: boolean): void;
}
