import { mkdir, mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { itKeepsTheBlobStoreContract } from './blob-store-contract.ts';
import { BlobStoreError } from './blob-store.port.ts';
import { FolderBlobStore } from './folder-blob-store.ts';
import { openBlobStore } from './open-blob-store.ts';

const now = new Date('2026-06-01T12:00:00Z');
let root: string;
let store: FolderBlobStore;
let again: FolderBlobStore;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-blobs-'));
  store = await FolderBlobStore.open(join(root, 'deep', 'blobs'), now);
  again = await FolderBlobStore.open(join(root, 'deep', 'blobs'), now);
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe('FolderBlobStore', () => {
  itKeepsTheBlobStoreContract(
    () => store,
    () => again,
  );

  it('keeps files to the server alone and leaves nothing half-written', async () => {
    await store.put('artifacts/one', Buffer.from('x'));
    const folder = join(root, 'deep', 'blobs');
    expect((await stat(join(folder, 'artifacts/one'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'artifacts'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(folder, '.incoming'))).toEqual([]);
  });

  it('clears what a crash left half-written long ago, and nothing that may still be in work', async () => {
    const folder = join(root, 'crashed');
    await mkdir(join(folder, '.incoming'), { recursive: true });
    for (const [name, at] of [
      ['old', '2026-05-30T00:00:00Z'],
      ['new', '2026-06-01T11:00:00Z'],
    ] as const) {
      await writeFile(join(folder, '.incoming', name), 'half');
      await utimes(join(folder, '.incoming', name), new Date(at), new Date(at));
    }
    await FolderBlobStore.open(folder, now);
    expect(await readdir(join(folder, '.incoming'))).toEqual(['new']);
  });

  it('does not take a folder for a blob', async () => {
    await store.put('runs/7/part', Buffer.from('x'));
    await expect(store.read('runs/7')).rejects.toThrow('runs/7 is missing');
    await expect(store.read('runs/7/part/deeper')).rejects.toThrow('is missing');
  });

  it('refuses a place that is no folder, with the remedy', async () => {
    const file = join(root, 'file');
    await writeFile(file, 'x');
    const failed = openBlobStore({ kind: 'folder', folder: file }, { now, warn: expect.unreachable });
    await expect(failed).rejects.toThrow(BlobStoreError);
    await expect(failed).rejects.toThrow(/cannot be used \(EEXIST|ENOTDIR\).*set SLUICE_BLOB_URL/);
    expect(await readFile(file, 'utf8')).toBe('x');
  });

  it('is what openBlobStore opens for a folder', async () => {
    const opened = await openBlobStore(
      { kind: 'folder', folder: join(root, 'opened') },
      { now, warn: expect.unreachable },
    );
    await opened.put('a', Buffer.from('1'));
    expect(await readFile(join(root, 'opened', 'a'), 'utf8')).toBe('1');
  });
});
