import { createHash, randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { requireBlobKey, requireBlobRange } from './blob-key.ts';
import {
  BlobConflictError,
  BlobMissingError,
  BlobStore,
  BlobStoreError,
  type BlobDraft,
  type ExpectedBlob,
  type UploadLink,
} from './blob-store.port.ts';
import { FileDraft, type DraftKeeper } from './file-draft.ts';

export interface S3Place {
  readonly bucket: string;
  /** Folder in the bucket, without `/` at its ends; empty = the whole bucket. */
  readonly prefix: string;
  /** Origin of an S3-compatible server; null = Amazon's. */
  readonly endpoint: string | null;
  readonly region: string;
}

/** Tries of one put against other writers of the same key. */
const PUT_TRIES = 5;

/**
 * Blobs as objects of one bucket, on Amazon S3 or a server that speaks its protocol. Needs the rights GetObject, PutObject, DeleteObject
 * and ListBucket (without the last, a missing object looks like a forbidden one). Short troubles are retried by the client.
 */
export class S3BlobStore extends BlobStore {
  readonly #place: S3Place;
  readonly #client: S3Client;
  /** Off once the server said that it does not know conditional writes. */
  #conditional = true;

  /** `settings` is for what the environment decides otherwise, such as credentials. */
  constructor(place: S3Place, settings: S3ClientConfig = {}) {
    super();
    this.#place = place;
    this.#client = new S3Client({
      region: place.region,
      // Names in front of the host need a wildcard DNS entry that S3-compatible servers rarely have.
      ...(place.endpoint === null ? {} : { endpoint: place.endpoint, forcePathStyle: true }),
      maxAttempts: 4,
      requestHandler: {
        connectionTimeout: 5_000,
        socketTimeout: 30_000,
        requestTimeout: 120_000,
        throwOnRequestTimeout: true,
      },
      ...settings,
    });
  }

  /** Throws BlobStoreError with the remedy when the bucket is missing or these keys may not use it. Asks the network. */
  async check(): Promise<void> {
    try {
      (await this.read('look')).destroy();
    } catch (error) {
      if (!(error instanceof BlobMissingError)) throw error;
    }
  }

  override draft(): Promise<BlobDraft> {
    const keeper: DraftKeeper = {
      keep: (key, draft) => this.#keep(key, draft),
      trouble: (cause) =>
        new BlobStoreError(
          `The folder for temporary files ${tmpdir()} did not let us write (${(cause as NodeJS.ErrnoException).code ?? String(cause)}).`,
          { cause, lasting: false },
        ),
    };
    return FileDraft.create(join(tmpdir(), `sluice-blob-${randomUUID()}`), keeper, { nameless: true });
  }

  async #keep(key: string, draft: FileDraft): Promise<void> {
    const at = this.#at(key);
    const { sha256 } = draft;
    // In one piece: a body that can be sent again lets the client try again.
    const bytes = await draft.bytes();
    for (let tries = 1; ; tries += 1) {
      // Servers without conditional writes replace silently, so the look comes first; the condition then shuts the gap where it is known.
      if (await this.#holds(key, bytes, sha256)) return;
      try {
        await this.#client.send(
          new PutObjectCommand({
            ...at,
            Body: bytes,
            ContentLength: bytes.length,
            ContentType: 'application/octet-stream',
            Metadata: { sha256 },
            ...(this.#conditional ? { IfNoneMatch: '*' } : {}),
          }),
        );
        return;
      } catch (error) {
        const status = statusOf(error) ?? 0;
        if (![409, 412, 501].includes(status) || tries === PUT_TRIES) throw this.#trouble(`write ${key}`, error);
        if (status === 501) this.#conditional = false;
      }
    }
  }

  override async read(key: string, range?: { from: number; to: number }): Promise<Readable> {
    if (range !== undefined) requireBlobRange(range);
    const at = this.#at(key);
    try {
      if (range !== undefined && range.from === range.to) {
        await this.#client.send(new HeadObjectCommand(at));
        return Readable.from([]);
      }
      const answer = await this.#client.send(
        new GetObjectCommand({
          ...at,
          ...(range === undefined ? {} : { Range: `bytes=${range.from}-${range.to - 1}` }),
        }),
      );
      return answer.Body as Readable;
    } catch (error) {
      if (statusOf(error) === 416) return Readable.from([]);
      if (isMissing(error)) throw new BlobMissingError(key);
      throw this.#trouble(`read ${key}`, error);
    }
  }

  override async remove(key: string): Promise<void> {
    const at = this.#at(key);
    try {
      await this.#client.send(new DeleteObjectCommand(at));
    } catch (error) {
      if (!isMissing(error)) throw this.#trouble(`remove ${key}`, error);
    }
  }

  override async uploadLink(key: string, { length, sha256 }: ExpectedBlob, seconds: number): Promise<UploadLink> {
    const checksum = Buffer.from(sha256, 'hex').toString('base64');
    const put = new PutObjectCommand({
      ...this.#at(key),
      ContentLength: length,
      ContentType: 'application/octet-stream',
      ChecksumSHA256: checksum,
    });
    const headers = {
      'content-type': 'application/octet-stream',
      'content-length': String(length),
      'x-amz-checksum-sha256': checksum,
    };
    try {
      const url = await getSignedUrl(this.#client, put, {
        expiresIn: seconds,
        // Signed as headers: a store that knows checksums refuses other bytes by itself.
        unhoistableHeaders: new Set(Object.keys(headers)),
        signableHeaders: new Set(['host', ...Object.keys(headers)]),
      });
      return { url, headers };
    } catch (error) {
      throw this.#trouble(`sign an upload of ${key}`, error);
    }
  }

  override async downloadLink(key: string, seconds: number): Promise<string> {
    const get = new GetObjectCommand({
      ...this.#at(key),
      ResponseContentType: 'application/octet-stream',
      ResponseContentDisposition: 'attachment',
    });
    try {
      return await getSignedUrl(this.#client, get, { expiresIn: seconds });
    } catch (error) {
      throw this.#trouble(`sign a download of ${key}`, error);
    }
  }

  override takePart(key: string): Promise<never> {
    return Promise.reject(new TypeError(`The blob ${key} is sent to the bucket itself, by its link.`));
  }

  override async accept(key: string, { length, sha256 }: ExpectedBlob): Promise<'accepted' | 'different' | 'missing'> {
    try {
      const found = await this.#client.send(new HeadObjectCommand({ ...this.#at(key), ChecksumMode: 'ENABLED' }));
      if (found.ContentLength === length) {
        const checked = found.ChecksumSHA256 && Buffer.from(found.ChecksumSHA256, 'base64').toString('hex');
        if ((checked ?? (await this.#digest(key))) === sha256) return 'accepted';
      }
    } catch (error) {
      if (error instanceof BlobMissingError || isMissing(error)) return 'missing';
      if (error instanceof BlobStoreError) throw error;
      throw this.#trouble(`look for ${key}`, error);
    }
    await this.remove(key);
    return 'different';
  }

  /** Whether exactly these bytes are there; throws when others are. */
  async #holds(key: string, bytes: Buffer, sha256: string): Promise<boolean> {
    try {
      const found = await this.#client.send(new HeadObjectCommand(this.#at(key)));
      const same =
        found.ContentLength === bytes.length && (found.Metadata?.['sha256'] ?? (await this.#digest(key))) === sha256;
      if (!same) throw new BlobConflictError(key);
      return true;
    } catch (error) {
      if (error instanceof BlobConflictError || error instanceof BlobStoreError) throw error;
      if (isMissing(error)) return false;
      throw this.#trouble(`look for ${key}`, error);
    }
  }

  /** For an object that came here without our metadata, such as by a restore. */
  async #digest(key: string): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of await this.read(key)) hash.update(chunk as Buffer);
    return hash.digest('hex');
  }

  #at(key: string): { Bucket: string; Key: string } {
    const safe = requireBlobKey(key);
    return { Bucket: this.#place.bucket, Key: this.#place.prefix === '' ? safe : `${this.#place.prefix}/${safe}` };
  }

  #trouble(doing: string, cause: unknown): BlobStoreError {
    const { bucket, endpoint, region } = this.#place;
    const { reason, lasting } = reasonOf(cause);
    return new BlobStoreError(
      `The blob store ${endpoint ?? `S3 in ${region}`} did not let us ${doing} in the bucket ${bucket}: ${reason}.`,
      { cause, lasting },
    );
  }
}

function reasonOf(error: unknown): { readonly reason: string; readonly lasting: boolean } {
  const name = error instanceof Error ? error.name : String(error);
  const status = statusOf(error);
  if (name === 'CredentialsProviderError') {
    return {
      reason: 'there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role',
      lasting: true,
    };
  }
  if (status === 403 || status === 401) {
    return {
      reason:
        'it refused the credentials; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and their rights (GetObject, PutObject, DeleteObject, ListBucket)',
      lasting: true,
    };
  }
  if (status === 404) return { reason: 'there is no such bucket; make it first', lasting: true };
  if (status === 301)
    return { reason: 'the bucket is in another region; write it as region= in SLUICE_BLOB_URL', lasting: true };
  const code = (error as NodeJS.ErrnoException).code;
  return {
    reason: status === undefined ? `it does not answer (${code ?? name})` : `it answered ${status} ${name}`,
    lasting: false,
  };
}

/** A missing bucket is 404 as well, and is trouble. A HEAD answer names neither; then the object is what is missing. */
function isMissing(error: unknown): boolean {
  return statusOf(error) === 404 && (error as Error).name !== 'NoSuchBucket';
}

function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}
