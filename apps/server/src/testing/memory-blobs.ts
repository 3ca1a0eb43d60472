import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { BlobMissingError, BlobStore, type BlobDraft, type ExpectedBlob } from '../platform/blobs/blob-store.port.ts';

/** Refuses what a real store would: other bytes under a key that exists. */
export class MemoryBlobs extends BlobStore {
  readonly stored = new Map<string, Buffer>();
  readonly #coming = new Map<string, Buffer>();
  /** Drafts that were not discarded yet. */
  drafts = 0;
  override draft(): Promise<BlobDraft> {
    const pieces: Buffer[] = [];
    const all = () => Buffer.concat(pieces);
    let open = true;
    this.drafts += 1;
    return Promise.resolve({
      get length() {
        return all().length;
      },
      write: (bytes: Buffer) => Promise.resolve(void pieces.push(Buffer.from(bytes))),
      put: (key: string) => this.#keep(key, all()),
      discard: () => {
        if (open) this.drafts -= 1;
        open = false;
        return Promise.resolve();
      },
    });
  }
  #keep(key: string, bytes: Buffer): Promise<string> {
    const known = this.stored.get(key);
    if (known && !known.equals(bytes)) return Promise.reject(new Error(`other bytes under ${key}`));
    this.stored.set(key, bytes);
    return Promise.resolve(createHash('sha256').update(bytes).digest('hex'));
  }
  override read(key: string, range?: { from: number; to: number }): Promise<Readable> {
    const bytes = this.stored.get(key);
    if (!bytes) return Promise.reject(new BlobMissingError(key));
    const part = range ? bytes.subarray(range.from, range.to) : bytes;
    const pieces: Buffer[] = [];
    for (let at = 0; at < part.length; at += 1_000) pieces.push(part.subarray(at, at + 1_000));
    return Promise.resolve(Readable.from(pieces, { objectMode: false }));
  }
  override remove(key: string): Promise<void> {
    this.stored.delete(key);
    return Promise.resolve();
  }
  override uploadLink(): Promise<null> {
    return Promise.resolve(null);
  }
  override downloadLink(): Promise<null> {
    return Promise.resolve(null);
  }
  override async takePart(key: string, { length }: ExpectedBlob, from: number, bytes: Buffer): Promise<void> {
    const coming = this.#coming.get(key) ?? Buffer.alloc(length);
    this.#coming.set(key, coming);
    bytes.copy(coming, from);
    await Promise.resolve();
  }
  override async accept(key: string, { sha256 }: ExpectedBlob): Promise<'accepted' | 'different' | 'missing'> {
    const bytes = this.#coming.get(key) ?? this.stored.get(key);
    if (bytes === undefined) return 'missing';
    this.#coming.delete(key);
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) return 'different';
    await this.#keep(key, bytes);
    return 'accepted';
  }
}
