import type { BlobPlace } from '../config/config.ts';
import { BlobStoreError, type BlobStore } from './blob-store.port.ts';
import { FolderBlobStore } from './folder-blob-store.ts';

export interface OpenBlobStoreOptions {
  /** Decides which half-written files are old enough to be removed. */
  readonly now: Date;
  /** Told one sentence when the store does not answer right now. */
  readonly warn: (sentence: string) => void;
}

/**
 * The blob store that the configuration names. It is looked at once: a wrong folder, bucket or key throws BlobStoreError, so that it
 * stops the server at its start and not at the first log; a store that is merely away does not, since it may come back.
 */
export async function openBlobStore(place: BlobPlace, { now, warn }: OpenBlobStoreOptions): Promise<BlobStore> {
  if (place.kind === 'folder') return FolderBlobStore.open(place.folder, now);
  // Loaded only here: the client costs a standalone server time and memory it has no use for.
  const { S3BlobStore } = await import('./s3-blob-store.ts');
  const store = new S3BlobStore(place);
  await store.check().catch((error: unknown) => {
    if (!(error instanceof BlobStoreError) || error.lasting) throw error;
    warn(error.message);
  });
  return store;
}
