import type { Readable } from 'node:stream';

/**
 * Immutable objects by key (`logs/<attempt>/<offset>`). Keys are ours, made of safe characters (see `requireBlobKey`); never a user's text.
 * Any call may throw BlobStoreError when the store itself is in trouble: the caller tries again later.
 */
export abstract class BlobStore {
  /** Begins a blob that comes piece by piece and has no name yet. */
  abstract draft(): Promise<BlobDraft>;
  /**
   * Bytes [from, to) of the object as far as it goes, like `Buffer.subarray`, or all of it. Throws BlobMissingError.
   * The stream must be read to its end or destroyed.
   */
  abstract read(key: string, range?: { from: number; to: number }): Promise<Readable>;
  /** What is not there counts as removed. */
  abstract remove(key: string): Promise<void>;

  /**
   * Where somebody without our keys may send exactly these bytes, for `seconds` from now: a PUT with these headers. Null: the store has no
   * address of its own, and the server takes the bytes in its stead, by `takePart`. Either way the blob has its name only after `accept`,
   * or, in a store that names what is sent, holds unchecked bytes until then: give the key to nobody before.
   */
  abstract uploadLink(key: string, expected: ExpectedBlob, seconds: number): Promise<UploadLink | null>;
  /** Bytes of an upload at an offset, in any order and any number of times. Only where `uploadLink` is null. */
  abstract takePart(key: string, expected: ExpectedBlob, from: number, bytes: Buffer): Promise<void>;
  /**
   * Ends an upload: looks at length and SHA-256 of what has come. `accepted` also when it was accepted before; `different`: what had come is
   * removed, and the upload may begin again; `missing`: nothing has come.
   */
  abstract accept(key: string, expected: ExpectedBlob): Promise<'accepted' | 'different' | 'missing'>;
  /** Where somebody without our keys may GET the blob, for `seconds` from now. Null: the server has to read it for them. */
  abstract downloadLink(key: string, seconds: number): Promise<string | null>;

  /** A whole blob at once, see `BlobDraft.put`. */
  async put(key: string, bytes: Buffer): Promise<void> {
    const draft = await this.draft();
    try {
      await draft.write(bytes);
      await draft.put(key);
    } finally {
      await draft.discard();
    }
  }
}

export interface ExpectedBlob {
  readonly length: number;
  /** Hex. */
  readonly sha256: string;
}

export interface UploadLink {
  readonly url: string;
  /** Part of what was signed: another value is refused. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A blob on its way, kept on disk and not in memory. One call at a time; always ends with `discard`. */
export interface BlobDraft {
  /** Bytes written so far. */
  readonly length: number;
  write(bytes: Buffer): Promise<void>;
  /**
   * Resolves with the SHA-256 (hex) when the bytes are safe under this name. The same bytes again are fine (repeated after a
   * crash); other bytes under the same key throw BlobConflictError and change nothing.
   */
  put(key: string): Promise<string>;
  /** Removes what lies aside; a blob that was put stays. May be called twice. */
  discard(): Promise<void>;
}

export class BlobMissingError extends Error {
  override readonly name = 'BlobMissingError';
  constructor(key: string) {
    super(`The blob ${key} is missing in the blob store.`);
  }
}

/** A blob never changes, so this is a mistake of ours (two writers for one key) or a damaged store. */
export class BlobConflictError extends Error {
  override readonly name = 'BlobConflictError';
  constructor(key: string) {
    super(`The blob ${key} is already in the blob store with other bytes; nothing was written.`);
  }
}

/** The store did not do its part; `cause` holds what it said. `lasting`: no try will succeed before somebody changes something. */
export class BlobStoreError extends Error {
  override readonly name = 'BlobStoreError';
  readonly lasting: boolean;
  constructor(message: string, options: ErrorOptions & { readonly lasting: boolean }) {
    super(message, options);
    this.lasting = options.lasting;
  }
}
