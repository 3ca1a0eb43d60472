/** Sizes in bytes, times in seconds. */
export class LogSettings {
  /** Live bytes in PostgreSQL above which they become one immutable object. */
  readonly segmentBytes: number;
  /** Most bytes of one append. */
  readonly appendBytes: number;
  /** Most bytes of one log; the runner cuts before this and marks the log truncated, so a little more is let in for its last words. */
  readonly limitBytes: number;
  /** How long the rest of a log may take after the result. */
  readonly finishSeconds: number;
  constructor({
    segmentBytes = 8 * 1024 * 1024,
    appendBytes = 4 * 1024 * 1024,
    limitBytes = 1_073_741_824,
    finishSeconds = 60,
  } = {}) {
    this.segmentBytes = segmentBytes;
    this.appendBytes = appendBytes;
    this.limitBytes = limitBytes;
    this.finishSeconds = finishSeconds;
  }
}
