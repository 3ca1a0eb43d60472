import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { requireBlobKey, requireBlobRange } from './blob-key.ts';
import {
  BlobConflictError,
  BlobMissingError,
  BlobStore,
  BlobStoreError,
  type BlobDraft,
  type ExpectedBlob,
} from './blob-store.port.ts';
import { FileDraft } from './file-draft.ts';

/** Half-written blobs; the name cannot be a part of a key. */
const INCOMING = '.incoming';
/** At once out of a blob: the stream's own 64 KiB cost as much time as the disk. */
const READ_BYTES = 256 * 1024;
/** Another server may be writing here too; nothing takes this long to write. */
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;

/**
 * One file per blob below a folder. A blob is written aside, flushed, and only then given its name, so a crash leaves either all
 * of it or none. Several servers may share the folder.
 */
export class FolderBlobStore extends BlobStore {
  readonly #folder: string;

  private constructor(folder: string) {
    super();
    this.#folder = folder;
  }

  /** Makes the folder where needed and clears what crashes left behind. */
  static async open(folder: string, now: Date): Promise<FolderBlobStore> {
    try {
      await mkdir(join(folder, INCOMING), { recursive: true, mode: 0o700 });
      for (const name of await readdir(join(folder, INCOMING))) {
        const path = join(folder, INCOMING, name);
        const found = await stat(path).catch(() => undefined);
        if (found !== undefined && now.getTime() - found.mtimeMs > ABANDONED_AFTER_MS) await rm(path, { force: true });
      }
    } catch (cause) {
      throw new BlobStoreError(
        `The blob folder ${folder} cannot be used (${codeOf(cause)}): make it writable for the server, or set SLUICE_BLOB_URL.`,
        { cause, lasting: true },
      );
    }
    return new FolderBlobStore(folder);
  }

  override draft(): Promise<BlobDraft> {
    return FileDraft.create(join(this.#folder, INCOMING, randomUUID()), {
      keep: (key, draft) => this.#keep(key, draft),
      trouble: (error) => this.#trouble('write', 'a draft', error),
    });
  }

  #keep(key: string, draft: FileDraft): Promise<void> {
    const { path, length, sha256 } = draft;
    return this.#name(key, { path, length, sha256, sync: () => draft.sync() });
  }

  /** Gives a finished file its name, unless exactly these bytes have it already. */
  async #name(key: string, file: FinishedFile): Promise<void> {
    const path = this.#pathOf(key);
    if (await this.#holds(key, path, file)) return;
    try {
      await file.sync();
      const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      if (!(await giveName(file.path, path)) && !(await this.#holds(key, path, file))) {
        throw new BlobStoreError(`The blob ${key} vanished from the folder ${this.#folder} while it was written.`, {
          lasting: false,
        });
      }
      await flushNames(dirname(path), made === undefined ? dirname(path) : dirname(made));
    } catch (error) {
      throw this.#trouble('write', key, error);
    }
  }

  override async read(key: string, range?: { from: number; to: number }): Promise<Readable> {
    if (range !== undefined) requireBlobRange(range);
    const path = this.#pathOf(key);
    try {
      const file = await open(path, 'r');
      if (!(await file.stat()).isFile()) {
        await file.close();
        throw new BlobMissingError(key);
      }
      if (range === undefined) return file.createReadStream({ highWaterMark: READ_BYTES });
      if (range.from < range.to) {
        const highWaterMark = Math.min(READ_BYTES, range.to - range.from);
        return file.createReadStream({ start: range.from, end: range.to - 1, highWaterMark });
      }
      await file.close();
      return Readable.from([]);
    } catch (error) {
      if (isMissing(error)) throw new BlobMissingError(key);
      throw this.#trouble('read', key, error);
    }
  }

  override async remove(key: string): Promise<void> {
    const path = this.#pathOf(key);
    try {
      await rm(path, { force: true });
    } catch (error) {
      if (!isMissing(error)) throw this.#trouble('remove', key, error);
    }
  }

  override uploadLink(key: string): Promise<null> {
    requireBlobKey(key);
    return Promise.resolve(null);
  }

  override downloadLink(key: string): Promise<null> {
    requireBlobKey(key);
    return Promise.resolve(null);
  }

  override async takePart(key: string, expected: ExpectedBlob, from: number, bytes: Buffer): Promise<void> {
    if (from < 0 || from + bytes.length > expected.length)
      throw new RangeError(`The part at ${from} does not fit into the ${expected.length} bytes of ${key}.`);
    const path = this.#partsOf(key);
    try {
      const file = await open(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
      try {
        for (let done = 0; done < bytes.length;) {
          const { bytesWritten } = await file.write(bytes, done, bytes.length - done, from + done);
          done += bytesWritten;
        }
      } finally {
        await file.close();
      }
    } catch (error) {
      throw this.#trouble('write', key, error);
    }
  }

  override async accept(key: string, expected: ExpectedBlob): Promise<'accepted' | 'different' | 'missing'> {
    const path = this.#pathOf(key);
    // Away from where parts go: what is looked at is not written to any more.
    const aside = join(this.#folder, INCOMING, randomUUID());
    try {
      await rename(this.#partsOf(key), aside);
    } catch (error) {
      if (!isMissing(error)) throw this.#trouble('read', key, error);
      return (await this.#holds(key, path, expected)) ? 'accepted' : 'missing';
    }
    try {
      if ((await stat(aside)).size !== expected.length || (await digest(aside)) !== expected.sha256) return 'different';
      await this.#name(key, { path: aside, ...expected, sync: () => syncFile(aside) });
      return 'accepted';
    } catch (error) {
      throw this.#trouble('read', key, error);
    } finally {
      await rm(aside, { force: true });
    }
  }

  /** The parts of an upload that has not been accepted; a key is fit for a file name but for its `/`. */
  #partsOf(key: string): string {
    return join(this.#folder, INCOMING, `parts~${requireBlobKey(key).replaceAll('/', '~')}`);
  }

  /** Whether exactly these bytes are there; throws when others are. */
  async #holds(key: string, path: string, expected: ExpectedBlob): Promise<boolean> {
    try {
      const same = (await stat(path)).size === expected.length && (await digest(path)) === expected.sha256;
      if (!same) throw new BlobConflictError(key);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw this.#trouble('read', key, error);
    }
  }

  #pathOf(key: string): string {
    return join(this.#folder, ...requireBlobKey(key).split('/'));
  }

  #trouble(doing: string, key: string, cause: unknown): Error {
    if (cause instanceof BlobConflictError || cause instanceof BlobMissingError || cause instanceof BlobStoreError)
      return cause;
    return new BlobStoreError(`The blob folder ${this.#folder} did not let us ${doing} ${key} (${codeOf(cause)}).`, {
      cause,
      lasting: false,
    });
  }
}

interface FinishedFile extends ExpectedBlob {
  readonly path: string;
  /** Makes it last. */
  sync(): Promise<void>;
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  for await (const bytes of file.createReadStream()) hash.update(bytes as Buffer);
  return hash.digest('hex');
}

/** False when the name is taken already. A link never replaces a file, whoever else writes; where links are unknown, renaming is the best there is. */
async function giveName(aside: string, path: string): Promise<boolean> {
  try {
    await link(aside, path);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return false;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) throw error;
    await rename(aside, path);
    return true;
  }
}

/** A name outlives a power cut only when its folder was flushed too; `last` is the highest folder that got a new name. */
async function flushNames(first: string, last: string): Promise<void> {
  for (let folder = first; ; folder = dirname(folder)) {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (folder === last || folder === dirname(folder)) return;
  }
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
