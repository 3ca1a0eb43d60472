import { databaseNow, type Db } from '../db/database.ts';
import { Clock } from './clock.port.ts';

const LOOK_EVERY_MS = 10_000;
/** An answer that took longer says too little about when it was true. */
const LONGEST_LOOK_MS = 500;

/**
 * The database's time on every server alike. The clock of a machine may be wrong and may jump (F25, F26), and then a limit would end
 * work early on one replica alone; so the database is asked now and then, and in between time goes on by a clock that cannot jump.
 */
export class DatabaseClock extends Clock {
  readonly #db: Db;
  #timer: NodeJS.Timeout | undefined;
  /** What the database said, and when that was by the monotonic clock. */
  #said: { readonly time: number; readonly at: number };

  private constructor(db: Db, said: { time: number; at: number }) {
    super();
    this.#db = db;
    this.#said = said;
  }

  static async start(db: Db): Promise<DatabaseClock> {
    const clock = new DatabaseClock(db, (await ask(db)).said);
    // While the database is away the last answer goes on to count.
    clock.#timer = setInterval(() => void clock.look().catch(() => undefined), LOOK_EVERY_MS).unref();
    return clock;
  }

  override now(): Date {
    return new Date(this.#said.time + performance.now() - this.#said.at);
  }

  async look(): Promise<void> {
    const { said, tookMs } = await ask(this.#db);
    if (tookMs <= LONGEST_LOOK_MS) this.#said = said;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** The answer was true about half way between question and answer. */
async function ask(db: Db): Promise<{ said: { time: number; at: number }; tookMs: number }> {
  const askedAt = performance.now();
  const time = (await databaseNow(db)).getTime();
  const tookMs = performance.now() - askedAt;
  return { said: { time, at: askedAt + tookMs / 2 }, tookMs };
}
