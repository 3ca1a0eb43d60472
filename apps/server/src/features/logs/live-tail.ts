import type { BlobDraft } from '../../platform/blobs/blob-store.port.ts';

/** The live end of a log, written aside on disk as it comes: the next segment is this file, and is not read back out of the database. */
export class LiveTail {
  /** Where the segment will begin; a border of chunks. */
  readonly start: number;
  readonly #draft: BlobDraft;
  constructor(start: number, draft: BlobDraft) {
    this.start = start;
    this.#draft = draft;
  }

  /** First byte that is not here yet. */
  get end(): number {
    return this.start + this.#draft.length;
  }
  get length(): number {
    return this.#draft.length;
  }

  async add(bytes: Buffer): Promise<void> {
    await this.#draft.write(bytes);
  }
  /** The SHA-256 in hex, when the object is safe. */
  async putAs(key: string): Promise<string> {
    return this.#draft.put(key);
  }
  async discard(): Promise<void> {
    await this.#draft.discard();
  }
}
