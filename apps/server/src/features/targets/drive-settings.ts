/** Times of driving, in milliseconds. */
export class DriveSettings {
  /** A dead replica's claim ends by itself after this long; the sweep then finds the deployment. */
  readonly claimMs: number;
  readonly renewMs: number;
  readonly sweepMs: number;
  /** A target silent for this long makes the deployment `unknown`. */
  readonly silenceLimitMs: number;
  /** Longest pause between two looks at a silent target; the first ones are shorter. */
  readonly backoffMs: number;
  constructor(values: Partial<DriveSettings> = {}) {
    this.claimMs = values.claimMs ?? 12_000;
    this.renewMs = values.renewMs ?? 3_000;
    this.sweepMs = values.sweepMs ?? 3_000;
    this.silenceLimitMs = values.silenceLimitMs ?? 60_000;
    this.backoffMs = values.backoffMs ?? 15_000;
  }
}
