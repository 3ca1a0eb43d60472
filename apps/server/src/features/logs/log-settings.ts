/** Sizes in bytes, times in seconds. */
export class LogSettings {
  /** Live bytes in PostgreSQL above which they become one immutable object. */
  readonly segmentBytes: number;
  /** Live bytes from which on they are also written aside on disk, see LiveTail; most logs never get there. */
  readonly tailBytes: number;
  /** Most bytes of one append. */
  readonly appendBytes: number;
  /** Most bytes of one log; the runner cuts before this and marks the log truncated, so a little more is let in for its last words. */
  readonly limitBytes: number;
  /** How long the rest of a log may take after the result. */
  readonly finishSeconds: number;
  /** An object whose segment has no row after this time is removed; nothing takes so long to put. */
  readonly orphanSeconds: number;
  constructor({
    segmentBytes = 8 * 1024 * 1024,
    appendBytes = 4 * 1024 * 1024,
    limitBytes = 1_073_741_824,
    finishSeconds = 60,
    orphanSeconds = 3_600,
  } = {}) {
    this.segmentBytes = segmentBytes;
    this.tailBytes = Math.ceil(segmentBytes / 8);
    this.appendBytes = appendBytes;
    this.limitBytes = limitBytes;
    this.finishSeconds = finishSeconds;
    this.orphanSeconds = orphanSeconds;
  }
}
