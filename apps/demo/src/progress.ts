/** Lines of the terminal: time since the start, what, and how it went. */
export class Progress {
  readonly #startedAt = performance.now();
  readonly #said = new Set<string>();
  readonly #write: (line: string) => void;
  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  say(text: string): void {
    this.#write(`${this.#clock()}  ${text}`);
  }

  /** One line a stage a service: `00:41.2  catalog         build    passed   6.3s`. */
  stage(service: string, stage: string, status: string, seconds: number | null, detail = ''): void {
    const time = seconds === null ? '' : `${seconds.toFixed(1)}s`;
    this.#write(
      `${this.#clock()}  ${service.padEnd(15)} ${stage.padEnd(11)} ${status.padEnd(10)} ${time.padStart(7)}  ${detail}`.trimEnd(),
    );
  }

  /** Says a thing the first time only: a run is looked at again and again. */
  once(key: string, say: () => void): void {
    if (this.#said.has(key)) return;
    this.#said.add(key);
    say();
  }

  plain(text = ''): void {
    this.#write(text);
  }

  #clock(): string {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${(seconds % 60).toFixed(1).padStart(4, '0')}`;
  }
}
