import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { packFrom, unpackInto } from './host-tar.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-host-tar-'));
  mkdirSync(join(folder, 'from/deep'), { recursive: true });
  mkdirSync(join(folder, 'to'));
  writeFileSync(join(folder, 'from/deep/file'), 'x'.repeat(100_000));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const packed = () => buffer(packFrom(folder, 'from'));

test('what is packed comes out as it was, whatever padding is behind it', async () => {
  const tar = await packed();
  await unpackInto(join(folder, 'to'), Readable.from([tar, Buffer.alloc(10_000_000)]));
  expect(readFileSync(join(folder, 'to/from/deep/file'), 'utf8')).toBe('x'.repeat(100_000));
});

test('half of a tree never passes for the whole: neither one that tar could not read, nor one whose source broke', async () => {
  await expect(buffer(packFrom(folder, 'missing'))).rejects.toThrow(/could not be read: .*missing/);
  const tar = await packed();
  const broken = Readable.from(
    (async function* () {
      yield tar.subarray(0, 1024);
      throw new Error('git was killed');
    })(),
  );
  await expect(unpackInto(join(folder, 'to'), broken)).rejects.toMatchObject({ code: 'host' });
  await expect(unpackInto(join(folder, 'to'), Readable.from([tar.subarray(0, 50_000)]))).rejects.toThrow(
    /put into the workspace: /,
  );
});

test('a reader that goes away lets tar go as well, and a signal ends the unpacking', async () => {
  const archive = packFrom(folder, 'from');
  archive.destroy();
  await new Promise((resolve) => archive.once('close', resolve));
  const stop = new AbortController();
  const endless = new Readable({ read: () => undefined });
  const unpacking = unpackInto(join(folder, 'to'), endless, stop.signal);
  stop.abort();
  await expect(unpacking).rejects.toMatchObject({ name: 'AbortError' });
  expect(readdirSync(join(folder, 'to'))).toEqual([]);
});
