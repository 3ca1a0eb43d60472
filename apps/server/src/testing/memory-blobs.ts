import { Readable } from 'node:stream';
import { BlobMissingError, BlobStore } from '../platform/blobs/blob-store.port.ts';

/** Refuses what a real store would: other bytes under a key that exists. */
export class MemoryBlobs extends BlobStore {
  readonly stored = new Map<string, Buffer>();
  override put(key: string, bytes: Buffer): Promise<void> {
    const known = this.stored.get(key);
    if (known && !known.equals(bytes)) return Promise.reject(new Error(`other bytes under ${key}`));
    this.stored.set(key, Buffer.from(bytes));
    return Promise.resolve();
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
}
