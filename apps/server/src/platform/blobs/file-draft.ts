import { createHash } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import type { BlobDraft } from './blob-store.port.ts';

/** What a store does with a finished draft. */
export interface DraftKeeper {
  /** Makes the blob of this name out of the file; see `BlobDraft.put`. */
  keep(key: string, draft: FileDraft): Promise<void>;
  /** A store's own words for what the disk said. */
  trouble(error: unknown): Error;
}

/** The bytes of one blob in a file beside the store, hashed as they come. */
export class FileDraft implements BlobDraft {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #keeper: DraftKeeper;
  readonly #hash = createHash('sha256');
  #length = 0;
  #open = true;

  private constructor(path: string, file: FileHandle, keeper: DraftKeeper) {
    this.path = path;
    this.#file = file;
    this.#keeper = keeper;
  }

  /** `nameless`: the file has no name from the start, so that nothing is left of it after a crash. */
  static async create(path: string, keeper: DraftKeeper, { nameless = false } = {}): Promise<FileDraft> {
    try {
      const file = await open(path, 'wx+', 0o600);
      if (nameless) await rm(path);
      return new FileDraft(path, file, keeper);
    } catch (error) {
      throw keeper.trouble(error);
    }
  }

  get length(): number {
    return this.#length;
  }
  /** Hex, of all bytes so far. */
  get sha256(): string {
    return this.#hash.copy().digest('hex');
  }

  async write(bytes: Buffer): Promise<void> {
    try {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#length);
        this.#hash.update(bytes.subarray(done, done + bytesWritten));
        this.#length += bytesWritten;
        done += bytesWritten;
      }
    } catch (error) {
      throw this.#keeper.trouble(error);
    }
  }

  async put(key: string): Promise<string> {
    await this.#keeper.keep(key, this);
    return this.sha256;
  }

  async discard(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#file.close();
    await rm(this.path, { force: true });
  }

  /** For a store that keeps the file itself: on disk for good. */
  async sync(): Promise<void> {
    await this.#file.sync();
  }

  /** For a store that sends it: all bytes. */
  async bytes(): Promise<Buffer> {
    const all = Buffer.allocUnsafe(this.#length);
    for (let done = 0; done < all.length;) {
      const { bytesRead } = await this.#file.read(all, done, all.length - done, done);
      if (bytesRead === 0) throw new Error(`${this.path} ends at ${done} of ${all.length} bytes`);
      done += bytesRead;
    }
    return all;
  }
}
