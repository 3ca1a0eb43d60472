/** Why an attempt ends before its work does. */
export type StopCause =
  /** A person or the control plane asked for it. */
  | 'cancelled'
  /** Its time is up. */
  | 'timeout'
  /** The runner was told to stop at once. */
  | 'runner-stopped'
  /** No room for the log. */
  | 'runner-disk-full'
  /** Someone else holds the attempt: no grace, nothing more is sent. */
  | 'lease-lost';

const GRACE_MS = 10_000;

/** The switch between an attempt and those who may end it: lease keeper, timer, signals, log. The first cause counts, but a lost lease overrules. */
export class AttemptControl {
  readonly #stopped = new AbortController();
  readonly #lost = new AbortController();
  readonly #graceMs: number;
  #cause: StopCause | undefined;

  constructor(graceMs = GRACE_MS) {
    this.#graceMs = graceMs;
  }

  /** Aborted when the work shall end, for whatever cause. */
  get stopped(): AbortSignal {
    return this.#stopped.signal;
  }
  /** Aborted when nothing may be sent any more. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }
  get cause(): StopCause | undefined {
    return this.#cause;
  }

  readonly graceMs = (): number => (this.#cause === 'lease-lost' ? 0 : this.#graceMs);

  stop(cause: StopCause): void {
    if (cause === 'lease-lost') this.#cause = cause;
    this.#cause ??= cause;
    if (cause === 'lease-lost') this.#lost.abort();
    this.#stopped.abort();
  }
}
