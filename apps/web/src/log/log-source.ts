import { LogLines } from './log-lines.ts';

const FIRST_READ = 256 * 1024;
const READ = 1024 * 1024;
/** More than this isn't held in the page; the end of the log is what people look for. */
const KEEP = 20 * 1024 * 1024;
const RETRY_MS = 2_000;

export type LogProblem = 'gone' | 'unreachable' | null;

/**
 * Reads a log by ranges, each from where the last one ended, so that no byte is lost or doubled over any number of
 * reconnects. `poke` says that there may be more (a live event, a reconnect).
 */
export class LogSource {
  readonly attemptId: string;
  lines = new LogLines();
  total = 0;
  sealed = false;
  problem: LogProblem = null;
  /** The server's sentence about a log that retention removed. */
  removal: string | null = null;
  /** False until the first answer. */
  begun = false;
  version = 0;
  #reading = false;
  #again = false;
  #stopped = false;
  #paint = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #readers = new Set<() => void>();

  constructor(attemptId: string) {
    this.attemptId = attemptId;
  }

  /** All bytes up to `total` are here, or the oldest were left out because there are too many. */
  get complete(): boolean {
    return this.begun && this.lines.length >= this.total;
  }

  readonly subscribe = (reader: () => void): (() => void) => {
    this.#readers.add(reader);
    this.#stopped = false;
    this.poke();
    return () => {
      this.#readers.delete(reader);
      if (this.#readers.size > 0) return;
      this.#stopped = true;
      clearTimeout(this.#retry);
      cancelAnimationFrame(this.#paint);
    };
  };

  poke(): void {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    void this.#readOn();
  }

  async #readOn(): Promise<void> {
    this.#reading = true;
    clearTimeout(this.#retry);
    do {
      this.#again = false;
      try {
        while (!this.#stopped && (await this.#readOnce())) this.#changed();
        this.problem = this.problem === 'gone' ? 'gone' : null;
      } catch {
        this.problem = 'unreachable';
        if (!this.#stopped) this.#retry = setTimeout(() => this.poke(), RETRY_MS);
      }
    } while (this.#again && !this.#stopped);
    this.#reading = false;
    this.#changed();
  }

  /** One range; true while there is more to read. */
  async #readOnce(): Promise<boolean> {
    if (this.sealed && this.complete) return false;
    // At the end, the last byte is asked for once more: an answer of one known byte means "nothing new".
    const known = this.complete && this.lines.length > this.lines.start ? 1 : 0;
    const from = this.lines.length - known;
    const to = from + (this.begun ? READ : FIRST_READ) - 1;
    const response = await fetch(`/api/v1/attempts/${this.attemptId}/log`, {
      headers: { range: `bytes=${from}-${to}` },
      credentials: 'same-origin',
    });
    if (response.status === 404 || response.status === 410) {
      this.problem = 'gone';
      this.removal = response.status === 410 ? await sentenceOf(response) : null;
      this.begun = true;
      return false;
    }
    if (response.status !== 206 && response.status !== 416) throw new Error(`The log answered ${response.status}.`);
    this.sealed = response.headers.get('x-sluice-log-sealed') === 'true';
    const range = /(?:bytes )?(?:(\d+)-\d+|\*)\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
    if (range === null) throw new Error('The log answered without Content-Range.');
    this.total = Number(range[2]);
    const first = !this.begun;
    this.begun = true;
    if (response.status === 416) return false;
    if (Number(range[1]) !== from) throw new Error('The log answered another range than was asked for.');
    if ((first && this.total > KEEP) || this.lines.length - this.lines.start > 2 * KEEP) {
      await response.body?.cancel();
      this.lines = new LogLines(this.total - KEEP);
      return true;
    }
    this.lines.push(new Uint8Array(await response.arrayBuffer()).subarray(known));
    return this.lines.length < this.total;
  }

  /** Painted at most once per frame. */
  #changed(): void {
    this.version += 1;
    cancelAnimationFrame(this.#paint);
    this.#paint = requestAnimationFrame(() => {
      for (const reader of this.#readers) reader();
    });
  }
}

async function sentenceOf(response: Response): Promise<string | null> {
  const body = (await response.json().catch(() => null)) as { error?: { message?: unknown } } | null;
  return typeof body?.error?.message === 'string' ? body.error.message : null;
}
