import type { AttemptLog } from '../../log/attempt-log.ts';

/** Where output goes, in order. The promise, when there is one, is kept when more may come. */
export interface OutputSink {
  write(stream: 'stdout' | 'stderr', chunk: Uint8Array): Promise<void> | undefined;
  /** Nothing more is wanted: the stream is let go. */
  readonly isOver?: boolean;
}

/** `255` and the end of the line. */
const LONGEST_CODE_BYTES = 4;

/** The output of `STEP_SCRIPT` on its way to the log: finds the marks, which never reach the log, in whatever pieces they come. */
export class StepOutput implements OutputSink {
  readonly #log: Pick<AttemptLog, 'write'>;
  readonly #ended: Buffer;
  readonly #taken: Buffer;
  #held: Buffer = Buffer.alloc(0);
  #exitCode: number | undefined;
  #isTaken = false;

  /** `at`: the step's own path, as the script was told. */
  constructor(log: Pick<AttemptLog, 'write'>, at: string) {
    this.#log = log;
    this.#ended = Buffer.from(`${at} ended `);
    this.#taken = Buffer.from(`${at} taken\n`);
  }

  /** Known as soon as the step has ended, whatever it left running. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }
  /** The step had begun before. */
  get isTaken(): boolean {
    return this.#isTaken;
  }
  get isOver(): boolean {
    return this.#isTaken || this.#exitCode !== undefined;
  }

  write(stream: 'stdout' | 'stderr', chunk: Uint8Array): Promise<void> | undefined {
    if (this.isOver) return undefined;
    if (stream === 'stderr') return this.#log.write(stream, chunk);
    const bytes =
      this.#held.length === 0
        ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
        : Buffer.concat([this.#held, chunk]);
    if (bytes.equals(this.#taken)) {
      this.#isTaken = true;
      return undefined;
    }
    const kept = this.#endOfOutput(bytes);
    this.#held = this.isOver ? Buffer.alloc(0) : bytes.subarray(kept);
    return kept === 0 ? undefined : this.#log.write('stdout', bytes.subarray(0, kept));
  }

  /** The stream has ended without a mark: what looked like the beginning of one was output. */
  end(): void {
    if (!this.isOver && this.#held.length > 0) void this.#log.write('stdout', this.#held);
    this.#held = Buffer.alloc(0);
  }

  /** Up to where these bytes are output: before a mark, or before what may become one. */
  #endOfOutput(bytes: Buffer): number {
    const longest = this.#ended.length + LONGEST_CODE_BYTES;
    for (let from = 0; ; from++) {
      from = bytes.indexOf(this.#ended, from);
      if (from === -1) break;
      const rest = bytes.subarray(from + this.#ended.length, from + longest).toString('latin1');
      const [, code] = /^(\d{1,3})\n/.exec(rest) ?? [];
      if (code !== undefined) {
        this.#exitCode = Number(code) & 255;
        return from;
      }
      if (bytes.length < from + longest && !rest.includes('\n')) return from;
    }
    const first = this.#ended[0] ?? 0;
    const start = Math.max(0, bytes.length - this.#taken.length - this.#ended.length);
    for (let at = bytes.indexOf(first, start); at !== -1; at = bytes.indexOf(first, at + 1)) {
      const tail = bytes.subarray(at);
      if ([this.#ended, this.#taken].some((mark) => mark.subarray(0, tail.length).equals(tail))) return at;
    }
    return bytes.length;
  }
}
