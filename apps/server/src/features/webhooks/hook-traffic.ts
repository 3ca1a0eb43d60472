/** Hooks that follow each other faster than this are a burst; it is over when none came for so long. */
const QUIET_MS = 30;
/** Hooks hold planning back for so long at most; while they still come after it, planning has one place. */
const HOLD_MS = 1_000;

export interface HookTimes {
  readonly now: () => number;
  readonly later: (work: () => void, ms: number) => () => void;
}

const SYSTEM: HookTimes = {
  now: () => performance.now(),
  later: (work, ms) => {
    const timer = setTimeout(work, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/**
 * Answers come before planning: whoever pushes waits for the answer, and forges give up on slow ones, while the git
 * processes of planning can wait for a moment. A push that comes alone is planned as soon as it is stored.
 */
export class HookTraffic {
  readonly #onRoom: () => void;
  readonly #times: HookTimes;
  #inFlight = 0;
  #lastAt = Number.NEGATIVE_INFINITY;
  /** null = nothing to answer. */
  #busySince: number | null = null;
  #burst = false;
  #cancel: () => void = () => undefined;

  /** `onRoom` is called when planning may go on. */
  constructor(onRoom: () => void, times: HookTimes = SYSTEM) {
    this.#onRoom = onRoom;
    this.#times = times;
  }

  async count<T>(work: () => Promise<T>): Promise<T> {
    this.#begin();
    try {
      return await work();
    } finally {
      this.#end();
    }
  }

  /** How many deliveries this process may plan at once now. */
  placesForPlanning(): number {
    if (this.#busySince === null) return Number.POSITIVE_INFINITY;
    return this.#times.now() - this.#busySince >= HOLD_MS ? 1 : 0;
  }

  stop(): void {
    this.#cancel();
  }

  #begin(): void {
    const now = this.#times.now();
    this.#busySince ??= now;
    if (!this.#burst && (this.#inFlight > 0 || now - this.#lastAt < QUIET_MS)) {
      this.#burst = true;
      this.#watch();
    }
    this.#inFlight += 1;
    this.#lastAt = now;
  }

  #end(): void {
    this.#inFlight -= 1;
    this.#lastAt = this.#times.now();
    if (this.#burst || this.#inFlight > 0) return;
    this.#busySince = null;
    // After the answer has been written, not before it.
    setImmediate(this.#onRoom);
  }

  /** One timer while a burst lasts, whatever the number of its hooks. */
  #watch(): void {
    this.#cancel = this.#times.later(() => {
      if (this.#inFlight === 0 && this.#times.now() - this.#lastAt >= QUIET_MS) {
        this.#burst = false;
        this.#busySince = null;
      } else this.#watch();
      if (this.placesForPlanning() > 0) this.#onRoom();
    }, QUIET_MS);
  }
}
