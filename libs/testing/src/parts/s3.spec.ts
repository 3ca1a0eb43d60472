import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startS3 } from './s3.ts';
import type { S3Part } from './s3.ts';

let s3: S3Part;
beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3.stop());

describe('startS3', () => {
  it('refuses a request without a signature', async () => {
    expect((await fetch(`${s3.endpoint}/sluice/a`)).status).toBe(403);
    expect((await fetch(`${s3.endpoint}/sluice/a`, { method: 'PUT', body: 'x' })).status).toBe(403);
    expect(s3.served).toEqual(['GET /sluice/a 403', 'PUT /sluice/a 403']);
  });

  it('gives every store its own keys, and the settings of a server', async () => {
    const other = await startS3({ buckets: ['one', 'two'] });
    expect(other.accessKeyId).not.toBe(s3.accessKeyId);
    expect(other.env).toEqual({
      SLUICE_BLOB_URL: `s3://one?endpoint=http://127.0.0.1:${other.port}`,
      AWS_ACCESS_KEY_ID: other.accessKeyId,
      AWS_SECRET_ACCESS_KEY: other.secretAccessKey,
    });
    await other.stop();
    await expect(fetch(other.endpoint)).rejects.toThrow('fetch failed');
  });
});
