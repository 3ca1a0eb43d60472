import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { BlobConflictError, BlobMissingError, type BlobStore, type ExpectedBlob } from './blob-store.port.ts';

/** What every blob store keeps; `store` gives the one under test, `again` a second one on the same data, as another server has. */
export function itKeepsTheBlobStoreContract(store: () => BlobStore, again: () => BlobStore): void {
  let count = 0;
  const newKey = () => `logs/0198a7c2-${(count += 1)}/0`;
  const bytesOf = async (key: string, range?: { from: number; to: number }) => buffer(await store().read(key, range));

  it('gives back the bytes, at once and to another server', async () => {
    const key = newKey();
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256));
    await store().put(key, bytes);
    expect((await bytesOf(key)).equals(bytes)).toBe(true);
    expect((await buffer(await again().read(key))).equals(bytes)).toBe(true);
  });

  it('keeps an empty blob', async () => {
    const key = newKey();
    await store().put(key, Buffer.alloc(0));
    expect(await bytesOf(key)).toHaveLength(0);
  });

  it.each([
    [{ from: 0, to: 3 }, 'abc'],
    [{ from: 2, to: 5 }, 'cde'],
    [{ from: 9, to: 10 }, 'j'],
    [{ from: 4, to: 4 }, ''],
    [{ from: 8, to: 99 }, 'ij'],
    [{ from: 10, to: 12 }, ''],
    [{ from: 50, to: 60 }, ''],
  ])('reads the range %j as %j', async (range, expected) => {
    const key = newKey();
    await store().put(key, Buffer.from('abcdefghij'));
    expect((await bytesOf(key, range)).toString()).toBe(expected);
  });

  it.each([
    { from: 3, to: 2 },
    { from: -1, to: 2 },
    { from: 0.5, to: 2 },
  ])('refuses the range %j', async (range) => {
    const key = newKey();
    await store().put(key, Buffer.from('abc'));
    await expect(store().read(key, range)).rejects.toThrow(RangeError);
  });

  it('says that a blob is missing, whole or in part', async () => {
    const key = newKey();
    await expect(store().read(key)).rejects.toThrow(BlobMissingError);
    await expect(store().read(key, { from: 0, to: 5 })).rejects.toThrow(BlobMissingError);
    await expect(store().read(key, { from: 3, to: 3 })).rejects.toThrow(BlobMissingError);
  });

  it('takes the same bytes again, from another server too', async () => {
    const key = newKey();
    await store().put(key, Buffer.from('same'));
    await store().put(key, Buffer.from('same'));
    await again().put(key, Buffer.from('same'));
    expect((await bytesOf(key)).toString()).toBe('same');
  });

  it.each(['other', 'first but longer', ''])(
    'refuses other bytes (%j) under a key and keeps the first',
    async (other) => {
      const key = newKey();
      await store().put(key, Buffer.from('first'));
      await expect(again().put(key, Buffer.from(other))).rejects.toThrow(BlobConflictError);
      expect((await bytesOf(key)).toString()).toBe('first');
    },
  );

  it('takes eight equal puts at once', async () => {
    const key = newKey();
    await Promise.all(
      Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? store() : again()).put(key, Buffer.from('equal'))),
    );
    expect((await bytesOf(key)).toString()).toBe('equal');
  });

  it('lets one of several different puts at once win, and tells the others', async () => {
    const key = newKey();
    const texts = ['a', 'b', 'c', 'd'];
    const ended = await Promise.allSettled(
      texts.map((text, index) => (index % 2 === 0 ? store() : again()).put(key, Buffer.from(text))),
    );
    const winners = texts.filter((_, index) => ended[index]?.status === 'fulfilled');
    expect(winners).toEqual([(await bytesOf(key)).toString()]);
    for (const end of ended) if (end.status === 'rejected') expect(end.reason).toBeInstanceOf(BlobConflictError);
  });

  it('removes a blob, also twice, and then takes its key again', async () => {
    const key = newKey();
    await store().put(key, Buffer.from('one'));
    await store().remove(key);
    await store().remove(key);
    await expect(store().read(key)).rejects.toThrow(BlobMissingError);
    await store().put(key, Buffer.from('two'));
    expect((await bytesOf(key)).toString()).toBe('two');
  });

  it.each([
    '',
    '/a',
    'a/',
    'a//b',
    '../a',
    'a/../b',
    '.incoming/a',
    'a b',
    'a\\b',
    'ä',
    'a?b',
    `${'x/'.repeat(8)}x`,
    'x'.repeat(129),
  ])('refuses the key %j', async (key) => {
    await expect(store().put(key, Buffer.from('x'))).rejects.toThrow(TypeError);
    await expect(store().read(key)).rejects.toThrow(TypeError);
    await expect(store().remove(key)).rejects.toThrow(TypeError);
  });

  describe('what others send', () => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 11) % 256));
    const whole = expectedOf(bytes);

    /** As a runner does it: to the link, or in parts where the store has none. Status of the store's answer. */
    async function send(key: string, sent: Buffer, expected: ExpectedBlob = whole): Promise<number> {
      const link = await store().uploadLink(key, expected, 60);
      if (link !== null) {
        const { 'content-length': _, ...headers } = link.headers;
        return (await fetch(link.url, { method: 'PUT', headers, body: new Uint8Array(sent) })).status;
      }
      for (let at = 0; at < sent.length; at += 40_000)
        await again().takePart(key, expected, at, sent.subarray(at, at + 40_000));
      return 200;
    }

    it('has its name once it is accepted, and is accepted again by another server', async () => {
      const key = newKey();
      expect(await store().accept(key, whole)).toBe('missing');
      expect(await send(key, bytes)).toBe(200);
      expect(await store().accept(key, whole)).toBe('accepted');
      expect(await again().accept(key, whole)).toBe('accepted');
      expect((await bytesOf(key)).equals(bytes)).toBe(true);
      const link = await store().downloadLink(key, 60);
      if (link !== null) {
        const answer = await fetch(link);
        expect(answer.headers.get('content-type')).toBe('application/octet-stream');
        expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
      }
    });

    it('F68 A64 is removed when it is cut or has another digest, and may begin again', async () => {
      const key = newKey();
      const other = Buffer.from(bytes).fill(0, 50_000, 50_010);
      await send(key, other);
      expect(await store().accept(key, whole)).toBe('different');
      await expect(store().read(key)).rejects.toThrow(BlobMissingError);
      await send(key, bytes.subarray(0, 60_000), expectedOf(bytes.subarray(0, 60_000)));
      expect(await store().accept(key, whole)).toBe('different');
      expect(await store().accept(key, whole)).toBe('missing');
      await send(key, bytes);
      expect(await store().accept(key, whole)).toBe('accepted');
    });

    it('takes an empty blob only where one was sent', async () => {
      const key = newKey();
      expect(await store().accept(key, expectedOf(Buffer.alloc(0)))).toBe('missing');
    });

    it('A64 a link is for its key and its headers alone, and only for a while', async () => {
      const key = newKey();
      const link = await store().uploadLink(key, whole, 60);
      if (link === null) {
        await expect(store().takePart(key, whole, 90_000, bytes.subarray(0, 20_000))).rejects.toThrow(RangeError);
        return;
      }
      const put = async (url: string, headers: Readonly<Record<string, string>>) =>
        (await fetch(url, { method: 'PUT', headers, body: new Uint8Array(bytes) })).status;
      const { 'content-length': _, ...headers } = link.headers;
      expect(await put(link.url.replace(key, newKey()), headers)).toBe(403);
      expect(
        await put(link.url, { ...headers, 'x-amz-checksum-sha256': createHash('sha256').update('x').digest('base64') }),
      ).toBe(403);
      expect(await put(link.url.replace(/X-Amz-Expires=\d+/, 'X-Amz-Expires=600'), headers)).toBe(403);
      await expect(store().read(key)).rejects.toThrow(BlobMissingError);
    });
  });
}

function expectedOf(bytes: Buffer): ExpectedBlob {
  return { length: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}
