/** How leases and polls are timed. All decided by the database's clock. */
export class DispatchSettings {
  /** A lease that is not renewed for this long is taken back. */
  readonly leaseSeconds: number;
  /** How often the runner is told to renew. */
  readonly renewSeconds: number;
  /** A poll whose replica has not vouched for it for this long is dead; vouched for thrice as often. */
  readonly pollSeconds: number;
  /** Pause between two sweeps of the reconciler, in milliseconds. */
  readonly sweepMs: number;
  /** Most bytes of one attempt's log. */
  readonly logLimitBytes: number;

  constructor({
    leaseSeconds = 60,
    renewSeconds = 15,
    pollSeconds = 6,
    sweepMs = 3_000,
    logLimitBytes = 1_073_741_824,
  } = {}) {
    this.leaseSeconds = leaseSeconds;
    this.renewSeconds = renewSeconds;
    this.pollSeconds = pollSeconds;
    this.sweepMs = sweepMs;
    this.logLimitBytes = logLimitBytes;
  }
}
