import { Injectable } from '@nestjs/common';
import { API_PREFIX, type Upload } from '@sluice/protocol';
import { BlobStore, type ExpectedBlob } from '../../platform/blobs/blob-store.port.ts';
import { invalid } from '../../platform/http/problem.ts';
import { BlobLinks } from './blob-links.ts';
import type { OnLease } from './held-attempt.ts';
import { StorageSettings } from './storage-settings.ts';

/** What one PUT to this server holds at most: it has to arrive within the time that any request has. */
export const PART_BYTES = 4 * 1024 * 1024;

export interface StoredBlob extends ExpectedBlob {
  readonly blob_key: string;
}

/** Links for runners, to the store itself or, where it has no address, to this server. */
@Injectable()
export class TransferBlobs {
  readonly #blobs: BlobStore;
  readonly #links: BlobLinks;
  readonly #settings: StorageSettings;
  constructor(blobs: BlobStore, links: BlobLinks, settings: StorageSettings) {
    this.#blobs = blobs;
    this.#links = links;
    this.#settings = settings;
  }

  async upload(blob: StoredBlob, lease: OnLease): Promise<NonNullable<Upload['link']>> {
    const link = await this.#blobs.uploadLink(blob.blob_key, blob, this.#settings.linkSeconds);
    if (link !== null) return { url: link.url, headers: { ...link.headers }, partBytes: null };
    return { url: this.#own('put', blob, lease), headers: {}, partBytes: PART_BYTES };
  }

  async download(blob: StoredBlob, lease: OnLease): Promise<string> {
    const link = await this.#blobs.downloadLink(blob.blob_key, this.#settings.linkSeconds);
    return link ?? this.#own('get', blob, lease);
  }

  /** Throws 422 `stored-bytes-differ` when what came is not what was said, or nothing came; the runner sends it again (F68, A64). */
  async accept(blob: StoredBlob): Promise<void> {
    const found = await this.#blobs.accept(blob.blob_key, blob);
    if (found === 'accepted') return;
    throw invalid(
      found === 'missing'
        ? 'No bytes have arrived; send them to the link first.'
        : 'What arrived has another length or SHA-256 than was said, and was removed; send it again.',
      'stored-bytes-differ',
    );
  }

  #own(does: 'put' | 'get', { blob_key: key, length, sha256 }: StoredBlob, { attemptId, epoch }: OnLease): string {
    const about = { does, key, length, sha256, attemptId, epoch };
    return `${API_PREFIX}/runner/blobs/${this.#links.write(about, this.#settings.ownLinkSeconds)}`;
  }
}
