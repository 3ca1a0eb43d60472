import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

export interface LogSeal {
  readonly length: number;
  readonly sha256: string;
}

const READ_BYTES = 1024 * 1024;
/** A writer waits while more than this is not on disk yet, so a chatty step cannot fill the memory. */
const MOST_PENDING_BYTES = 1024 * 1024;
const SYNC_EVERY_MS = 1000;

/**
 * The bytes of one attempt's log on disk: written in order, in batches, read back at any offset by the upload, and still there
 * after a crash. When the disk refuses, what was written stays, later bytes are dropped and `failure` says why.
 */
export class LogSpool {
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #written = 0;
  #flushing: Promise<void> | undefined;
  #lastSync = performance.now();
  #closed = false;
  #failure: Error | undefined;
  #waiting: (() => void)[] = [];
  /** Up to where an earlier process's bytes have come again; undefined when all have. */
  #repeatedTo: number | undefined;
  #diverged = false;

  readonly #onFailure: (error: Error) => void;

  private constructor(file: FileHandle, onFailure: (error: Error) => void = () => undefined) {
    this.#file = file;
    this.#onFailure = onFailure;
  }

  /** `onFailure` is told once, when the disk takes no more. */
  static async create(path: string, onFailure: (error: Error) => void): Promise<LogSpool> {
    return new LogSpool(await open(path, 'w+', 0o600), onFailure);
  }

  /** The spool that an earlier process left behind, closed for new bytes. */
  static async reopen(path: string): Promise<LogSpool> {
    const spool = new LogSpool(await open(path, 'a+', 0o600));
    await spool.#readWhatIsThere();
    spool.#closed = true;
    return spool;
  }

  /**
   * The same, to go on with: the bytes from `offset` on come again, because the step that printed them is read anew from its
   * beginning. Each is compared and none is written twice.
   */
  static async goOn(path: string, offset: number, onFailure: (error: Error) => void): Promise<LogSpool> {
    const spool = new LogSpool(await open(path, 'r+', 0o600), onFailure);
    await spool.#readWhatIsThere();
    if (offset < spool.#written) spool.#repeatedTo = offset;
    return spool;
  }

  async #readWhatIsThere(): Promise<void> {
    for (;;) {
      const bytes = await this.read(this.#written, READ_BYTES, Number.MAX_SAFE_INTEGER);
      if (bytes.length === 0) break;
      this.#hash.update(bytes);
      this.#written += bytes.length;
    }
  }

  /** Bytes that came again were others than those that are there; they follow them now. */
  get diverged(): boolean {
    return this.#diverged;
  }

  get written(): number {
    return this.#written;
  }
  get closed(): boolean {
    return this.#closed && this.#pending.length === 0 && this.#flushing === undefined;
  }
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Takes over the bytes. The promise is kept when the writer may go on. */
  append(appended: Uint8Array): Promise<void> | undefined {
    const bytes = this.#repeatedTo === undefined ? appended : this.#beyondRepeated(appended, this.#repeatedTo);
    if (this.#closed || this.#failure !== undefined || bytes.length === 0) return undefined;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#flushing ??= this.#flush();
    return this.#pendingBytes > MOST_PENDING_BYTES ? this.#flushing : undefined;
  }

  #beyondRepeated(bytes: Uint8Array, from: number): Uint8Array {
    const known = Buffer.allocUnsafe(Math.min(bytes.length, this.#written - from));
    readSync(this.#file.fd, known, 0, known.length, from);
    if (!known.equals(bytes.subarray(0, known.length))) {
      this.#diverged = true;
      this.#repeatedTo = undefined;
      return bytes;
    }
    this.#repeatedTo = from + known.length < this.#written ? from + known.length : undefined;
    return bytes.subarray(known.length);
  }

  /** Resolves when what was appended so far is in the file, or the disk has refused it. */
  async flushed(): Promise<void> {
    await this.#flushing;
  }

  async read(offset: number, most: number, limit = this.#written): Promise<Buffer> {
    const size = Math.max(0, Math.min(most, limit - offset));
    const buffer = Buffer.allocUnsafe(size);
    const { bytesRead } = await this.#file.read(buffer, 0, size, offset);
    return buffer.subarray(0, bytesRead);
  }

  /** Waits until more than `length` bytes are on disk or nothing more will come. */
  async beyond(length: number, signal: AbortSignal): Promise<void> {
    while (this.#written <= length && !this.closed && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  /** No byte comes after this; all are durable. */
  async close(): Promise<LogSeal> {
    this.#closed = true;
    await this.#flushing;
    if (this.#failure === undefined) await this.#file.datasync().catch((error: unknown) => this.#fail(error));
    this.#wake();
    return this.seal();
  }

  seal(): LogSeal {
    return { length: this.#written, sha256: this.#hash.copy().digest('hex') };
  }

  async dispose(): Promise<void> {
    await this.#file.close();
  }

  async #flush(): Promise<void> {
    // Let the chunks of one turn of the event loop become one write.
    await Promise.resolve();
    try {
      while (this.#pending.length > 0) {
        const batch = this.#takeBatch();
        for (let done = 0; done < batch.length;) {
          const { bytesWritten } = await this.#file.write(batch, done, batch.length - done, this.#written);
          this.#hash.update(batch.subarray(done, done + bytesWritten));
          this.#written += bytesWritten;
          done += bytesWritten;
        }
        this.#wake();
        if (performance.now() - this.#lastSync < SYNC_EVERY_MS) continue;
        await this.#file.datasync();
        this.#lastSync = performance.now();
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#flushing = undefined;
      this.#wake();
    }
  }

  #fail(error: unknown): void {
    this.#failure = error instanceof Error ? error : new Error(String(error));
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#onFailure(this.#failure);
  }

  /** All that waits: never much more than a writer may have pending. */
  #takeBatch(): Uint8Array {
    const parts = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
