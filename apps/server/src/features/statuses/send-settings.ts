/** Times of `SendStatuses`; specs shorten them. */
export class SendSettings {
  readonly sweepMs: number;
  /** A claim whose holder died is taken over after this; far longer than a request may take. */
  readonly claimMs: number;
  /** Pause after the first failure, doubled with each further one up to `longestPauseMs`, of which up to half is taken off by chance. */
  readonly pauseMs: number;
  readonly longestPauseMs: number;
  /** So long a forge may be in trouble before it is given up. */
  readonly deadlineMs: number;
  /** Times that a forge may say no: it may learn of a commit a moment after its webhook. */
  readonly refusals: number;
  constructor(settings: Partial<SendSettings> = {}) {
    this.sweepMs = settings.sweepMs ?? 1_000;
    this.claimMs = settings.claimMs ?? 60_000;
    this.pauseMs = settings.pauseMs ?? 2_000;
    this.longestPauseMs = settings.longestPauseMs ?? 300_000;
    this.deadlineMs = settings.deadlineMs ?? 3_600_000;
    this.refusals = settings.refusals ?? 3;
  }
}
