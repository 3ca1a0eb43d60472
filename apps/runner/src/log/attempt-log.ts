import { createMasker } from '@sluice/redact';
import type { Masker, Secret } from '@sluice/redact';
import type { LogSeal, LogSpool } from './log-spool.ts';

export type OutputStream = 'stdout' | 'stderr';
export interface SealedLog extends LogSeal {
  readonly truncated: boolean;
}

const NOTHING_TO_MASK: Masker = {
  push: (chunk) => chunk,
  end: () => new Uint8Array(0),
  heldBytes: () => 0,
  unmaskable: [],
};

/**
 * The one byte stream of an attempt: what the steps print, masked, below a limit. Each output of a step has a masker of its own
 * and their merged result passes one more, so a secret shows neither when the other output comes between its halves nor when
 * its halves come from both.
 */
export class AttemptLog {
  readonly #spool: LogSpool;
  readonly #maxBytes: number;
  readonly #marker: Buffer;
  readonly #maskers: Readonly<Record<OutputStream | 'merged', Masker>>;
  #length = 0;
  #truncated = false;

  constructor(
    spool: LogSpool,
    {
      maxBytes,
      secrets,
      length = 0,
    }: {
      readonly maxBytes: number;
      readonly secrets: readonly Secret[];
      /** Where an earlier process left off: what comes next stands there already, as far as the spool goes. */
      readonly length?: number;
    },
  ) {
    this.#length = length;
    this.#spool = spool;
    this.#maxBytes = maxBytes;
    this.#marker = Buffer.from(
      `\n[sluice] the log is longer than ${maxBytes} bytes: the rest is left out, the job goes on\n`,
    );
    const masker = () => (secrets.length === 0 ? NOTHING_TO_MASK : createMasker(secrets));
    this.#maskers = { stdout: masker(), stderr: masker(), merged: masker() };
    if (length > 0) return;
    for (const { name, reason } of this.#maskers.merged.unmaskable)
      this.line(`secret ${name} cannot be masked: ${reason}`);
  }

  /** Bytes that are settled; the next step's log begins here. */
  get length(): number {
    return this.#length;
  }
  /** Bytes that may come in all. */
  get maxBytes(): number {
    return this.#maxBytes;
  }
  /** What an earlier process wrote could not be written again as it was. */
  get diverged(): boolean {
    return this.#spool.diverged;
  }
  /** Why the spool takes no more bytes (a full disk), if so. */
  get failure(): Error | undefined {
    return this.#spool.failure;
  }

  /** The promise, when there is one, is kept when more may come. */
  write(stream: OutputStream, chunk: Uint8Array): Promise<void> | undefined {
    return this.#put(this.#maskers.merged.push(this.#maskers[stream].push(chunk)));
  }

  /** A line of our own, in the order of everything else. */
  line(text: string): void {
    void this.#put(this.#maskers.merged.push(Buffer.from(`[sluice] ${text}\n`)));
  }

  /** Begins a step: settles what was held back and writes the head line. Returns where the step's log begins. */
  beginStep(run: string): number {
    this.settle();
    const offset = this.#length;
    const [first = ''] = run.trim().split('\n', 1);
    void this.#put(this.#maskers.merged.push(Buffer.from(`$ ${first}${run.trim().includes('\n') ? ' ...' : ''}\n`)));
    return offset;
  }

  settle(): void {
    for (const stream of ['stdout', 'stderr'] as const)
      void this.#put(this.#maskers.merged.push(this.#maskers[stream].end()));
    void this.#put(this.#maskers.merged.end());
  }

  /** Settles, and resolves when all of it would outlive this process. Returns the length. */
  async settled(): Promise<number> {
    this.settle();
    await this.#spool.flushed();
    return this.#length;
  }

  async close(): Promise<SealedLog> {
    this.settle();
    const seal = await this.#spool.close();
    return { ...seal, truncated: this.#truncated || this.#spool.failure !== undefined };
  }

  #put(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#truncated || bytes.length === 0) return undefined;
    const room = this.#maxBytes - this.#marker.length - this.#length;
    if (bytes.length <= room) {
      this.#length += bytes.length;
      return this.#spool.append(bytes);
    }
    this.#truncated = true;
    const last = Buffer.concat([bytes.subarray(0, Math.max(0, room)), this.#marker]).subarray(
      0,
      Math.max(0, this.#maxBytes - this.#length),
    );
    this.#length += last.length;
    return this.#spool.append(last);
  }
}
