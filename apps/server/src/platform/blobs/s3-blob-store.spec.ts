import { buffer } from 'node:stream/consumers';
import { S3Client, PutObjectCommand, type S3ClientConfig } from '@aws-sdk/client-s3';
import { startS3, type S3Part } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { itKeepsTheBlobStoreContract } from './blob-store-contract.ts';
import { BlobConflictError, BlobStoreError } from './blob-store.port.ts';
import { openBlobStore } from './open-blob-store.ts';
import { S3BlobStore } from './s3-blob-store.ts';

let s3: S3Part;
beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3.stop());
afterEach(() => {
  vi.unstubAllEnvs();
});

const placeOf = (part: S3Part, prefix = '') =>
  ({ kind: 's3', bucket: part.bucket, prefix, endpoint: part.endpoint, region: 'eu-central-1' }) as const;
const keysOf = (part: S3Part): S3ClientConfig => ({
  credentials: { accessKeyId: part.accessKeyId, secretAccessKey: part.secretAccessKey },
});
const storeOn = (part: S3Part, prefix = '') => new S3BlobStore(placeOf(part, prefix), keysOf(part));
const now = new Date('2026-06-01T12:00:00Z');

describe('S3BlobStore', () => {
  let store: S3BlobStore;
  let again: S3BlobStore;
  beforeAll(() => {
    store = storeOn(s3, 'installation/one');
    again = storeOn(s3, 'installation/one');
  });

  itKeepsTheBlobStoreContract(
    () => store,
    () => again,
  );

  it('writes below the prefix, with the bucket in the path', async () => {
    await store.put('logs/a/0', Buffer.from('x'));
    expect(s3.served).toContain('PUT /sluice/installation/one/logs/a/0 200');
  });

  it('compares bytes when an object came without our metadata', async () => {
    const client = new S3Client({ region: 'eu-central-1', endpoint: s3.endpoint, forcePathStyle: true, ...keysOf(s3) });
    await client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'restored/a', Body: Buffer.from('first') }));
    client.destroy();
    const plain = storeOn(s3);
    await plain.put('restored/a', Buffer.from('first'));
    await expect(plain.put('restored/a', Buffer.from('other'))).rejects.toThrow(BlobConflictError);
  });

  it.each(['refused', 'ignored'] as const)(
    'keeps the first bytes where conditional writes are %s',
    async (conditionalWrites) => {
      const older = await startS3({ conditionalWrites });
      try {
        const plain = storeOn(older);
        await plain.put('a', Buffer.from('first'));
        await plain.put('a', Buffer.from('first'));
        await expect(plain.put('a', Buffer.from('other'))).rejects.toThrow(BlobConflictError);
        expect((await buffer(await plain.read('a'))).toString()).toBe('first');
        await plain.put('b', Buffer.from('second'));
        expect(older.served.filter((line) => line.startsWith('PUT') && line.endsWith(' 501'))).toHaveLength(
          conditionalWrites === 'refused' ? 1 : 0,
        );
      } finally {
        await older.stop();
      }
    },
  );
});

describe('trouble with S3', () => {
  it('is told by a wrong secret: the store is refused at the start, and nothing is written', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', s3.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'not-the-secret');
    await expect(openBlobStore(placeOf(s3), { now, warn: expect.unreachable })).rejects.toThrow(
      /refused the credentials; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY/,
    );
    const wrong = new S3BlobStore(placeOf(s3));
    await expect(wrong.put('wrong/secret', Buffer.from('x'))).rejects.toThrow(BlobStoreError);
    expect(s3.served.filter((line) => line.includes('/wrong/secret'))).toEqual([
      expect.stringMatching(/^HEAD .* 403$/),
    ]);
  });

  it('is told by an unknown key and never repeats a secret', async () => {
    const wrong = new S3BlobStore(placeOf(s3), { credentials: { accessKeyId: 'NOBODY', secretAccessKey: 'hunter2' } });
    const error: unknown = await wrong.read('a').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BlobStoreError);
    expect(String(error)).not.toContain('hunter2');
  });

  it('is told by a missing bucket', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', s3.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', s3.secretAccessKey);
    const place = { ...placeOf(s3), bucket: 'nowhere' };
    await expect(openBlobStore(place, { now, warn: expect.unreachable })).rejects.toThrow(
      'in the bucket nowhere: there is no such bucket; make it first.',
    );
    await expect(new S3BlobStore(place).put('a', Buffer.from('x'))).rejects.toThrow('no such bucket');
    await expect(new S3BlobStore(place).read('a')).rejects.toThrow('no such bucket');
  });

  it('does not stop a start while the store is away, and is over when it is back', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', s3.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', s3.secretAccessKey);
    await s3.down();
    const warnings: string[] = [];
    const store = await openBlobStore(placeOf(s3), { now, warn: (sentence) => warnings.push(sentence) });
    expect(warnings).toEqual([
      expect.stringMatching(/did not let us read look in the bucket sluice: it does not answer \(ECONNREFUSED\)/),
    ]);
    await expect(store.put('away/a', Buffer.from('x'))).rejects.toMatchObject({
      name: 'BlobStoreError',
      lasting: false,
    });
    await s3.up();
    await store.put('away/a', Buffer.from('x'));
    expect((await buffer(await store.read('away/a'))).toString()).toBe('x');
  });

  it('is retried when it is short', async () => {
    const store = storeOn(s3);
    await s3.down();
    const written = store.put('short/a', Buffer.from('x'));
    await s3.up();
    await written;
    expect(s3.served).toContain('PUT /sluice/short/a 200');
  });
});
