import type { Readable } from 'node:stream';

/**
 * Immutable objects by key (`logs/<attempt>/<offset>`). Keys are ours, made of safe characters; never a user's text.
 * `put` of an existing key with the same bytes is fine (repeated after a crash). Reads of a missing key throw BlobMissingError.
 */
export abstract class BlobStore {
  abstract put(key: string, bytes: Buffer): Promise<void>;
  /** Bytes [from, to) of the object, or all of it. */
  abstract read(key: string, range?: { from: number; to: number }): Promise<Readable>;
  abstract remove(key: string): Promise<void>;
}

export class BlobMissingError extends Error {
  override readonly name = 'BlobMissingError';
  constructor(key: string) {
    super(`The blob ${key} is missing in the blob store.`);
  }
}
