import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { extract, pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EntryHeader, WorkspaceEntry } from '../executor/executor.port.ts';
import { FilesRefused } from './entry-rules.ts';
import { packFiles } from './pack-files.ts';
import { openPacked } from './unpack-files.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-pack-'));
  file = join(folder, 'a.tar.gz');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Given = Partial<EntryHeader> & { readonly text?: string | Buffer };
const named = (name: string, more: Given = {}): Given => ({ name, type: 'file', text: 'x', ...more });

function sandboxOf(entries: readonly Given[]) {
  return {
    async *readEntries(): AsyncGenerator<WorkspaceEntry> {
      for (const { text = '', ...header } of entries) {
        const content = Buffer.from(text);
        const full = { name: '', type: 'file', mode: 0o644, size: content.length, linkname: '', ...header };
        yield { header: full, content: Readable.from([content]) };
        await Promise.resolve();
      }
    },
  };
}
const packed = (entries: readonly Given[], most = 1_000_000) => packFiles(sandboxOf(entries), ['.'], file, most);

/** A tar as somebody else makes it. */
async function foreign(entries: readonly Given[]): Promise<void> {
  const tar = pack();
  for (const { text = '', ...header } of entries) tar.entry(header as { name: string }, Buffer.from(text));
  tar.finalize();
  writeFileSync(file, gzipSync(await buffer(Readable.from(tar))));
}
async function opened(limits?: { entries: number; bytes: number }): Promise<(EntryHeader & { text: string })[]> {
  const found: (EntryHeader & { text: string })[] = [];
  const entries = extract();
  (await openPacked(file, limits)).pipe(entries as unknown as NodeJS.WritableStream);
  for await (const entry of entries) {
    const parts: Buffer[] = [];
    for await (const chunk of entry) parts.push(chunk as Buffer);
    found.push({ ...entry.header, linkname: entry.header.linkname ?? '', text: Buffer.concat(parts).toString() });
  }
  return found;
}

describe('packed files', () => {
  it('come out as they went in, without owners and special bits', async () => {
    const answer = await packed([
      named('bin', { type: 'directory', mode: 0o755, text: '' }),
      named('bin/run', { mode: 0o4755, text: 'run\n'.repeat(50_000) }),
      named('bin/link', { type: 'symlink', linkname: 'run', text: '' }),
      named('bin/hard', { type: 'link', linkname: 'bin/run', text: '' }),
      named('.sluice-output', { text: 'a=secret' }),
    ]);
    const bytes = readFileSync(file);
    expect(answer).toMatchObject({
      files: 3,
      length: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      leftOut: 0,
    });
    const found = await opened();
    expect(found.map(({ name, type, mode, linkname }) => [name, type, mode, linkname])).toEqual([
      ['bin', 'directory', 0o755, ''],
      ['bin/run', 'file', 0o755, ''],
      ['bin/link', 'symlink', 0o644, 'run'],
      ['bin/hard', 'link', 0o644, 'bin/run'],
    ]);
    expect(found[1]?.text).toHaveLength(200_000);
  });

  it('are the same bytes for the same files', async () => {
    const entries = [named('a', { mtime: new Date(1_000_000) }), named('b', { mtime: new Date(2_000_000) })];
    const [one, two] = [await packed(entries), await packed(entries)];
    expect(one?.sha256).toBe(two?.sha256);
  });

  it('are none when nothing matches, or only folders do', async () => {
    expect(await packed([])).toBeUndefined();
    expect(await packed([named('a', { type: 'directory', text: '' })])).toBeUndefined();
  });

  it('A61 end at the limit, however much there is', async () => {
    const noise = Buffer.alloc(300_000, createHash('sha512').update('x').digest());
    for (let at = 0; at < noise.length; at += 64) createHash('sha512').update(`${at}`).digest().copy(noise, at);
    await expect(packed([named('big', { text: noise }), named('more', { text: noise })], 100_000)).rejects.toThrow(
      'more than 100000 bytes packed',
    );
  });

  it('leave out links that lead out of the folder', async () => {
    const answer = await packed([
      named('a'),
      named('out', { type: 'symlink', linkname: '../../x', text: '' }),
      named('abs', { type: 'symlink', linkname: '/usr/bin/python3', text: '' }),
    ]);
    expect(answer).toMatchObject({ files: 2, leftOut: 1 });
  });

  it.each([
    ['a device', [named('d', { type: 'character-device', text: '' })], 'character-device'],
    ['names that differ in case alone', [named('a/B'), named('a/b')], 'upper and lower case'],
    ['a hard link to what is not taken', [named('l', { type: 'link', linkname: 'secret', text: '' })], 'not there'],
  ])('A60 are refused with %s', async (_, entries, words) => {
    await expect(packed(entries)).rejects.toThrow(words);
  });
});

describe('a foreign archive', () => {
  const symlink = (name: string, linkname: string) => named(name, { type: 'symlink', linkname, text: '' });
  it.each([
    ['a name that climbs', [named('../../x')], 'below the folder'],
    ['a name that climbs inside', [named('a/../../x')], 'below the folder'],
    ['an absolute name', [named('/etc/cron.d/x')], 'below the folder'],
    ['a drive', [named('C:\\x')], 'below the folder'],
    ['a line break in a name', [named('a\nb')], 'below the folder'],
    ['a file through a link', [symlink('a', '/etc'), named('a/passwd')], 'lies below symlink a'],
    ['a file below a file', [named('a'), named('a/b')], 'lies below file a'],
    ['a link out', [symlink('a', '../../etc')], 'leads out'],
    ['a hard link out', [named('a', { type: 'link', linkname: '/etc/passwd', text: '' })], 'not there'],
    [
      'a hard link to a link',
      [symlink('a', '/etc'), named('b', { type: 'link', linkname: 'a', text: '' })],
      'not there',
    ],
    ['a device', [named('d', { type: 'block-device', text: '' })], 'block-device'],
    ['a pipe', [named('d', { type: 'fifo', text: '' })], 'fifo'],
    ['a name twice', [named('a'), named('a')], 'comes twice'],
    ['a link, then a file of its name', [symlink('a', '/etc/passwd'), named('a')], 'comes twice'],
    ['names that differ in case', [named('Readme'), named('README')], 'upper and lower case'],
  ])('A60 with %s is refused whole', async (_, entries, words) => {
    await foreign([named('good'), ...entries]);
    await expect(openPacked(file)).rejects.toThrow(FilesRefused);
    await expect(openPacked(file)).rejects.toThrow(words);
  });

  it('A61 with too many entries or too many bytes is refused', async () => {
    await foreign(Array.from({ length: 12 }, (_, index) => named(`f${index}`)));
    await expect(openPacked(file, { entries: 10, bytes: 1_000 })).rejects.toThrow('more than 10 files');
    await foreign([named('zeros', { text: Buffer.alloc(1_000_000) })]);
    await expect(openPacked(file, { entries: 10, bytes: 999_999 })).rejects.toThrow('999999 bytes unpacked');
  });

  it('that is none is refused', async () => {
    writeFileSync(file, 'hello');
    await expect(openPacked(file)).rejects.toThrow('cannot be unpacked');
    await foreign([named('a', { text: 'long '.repeat(10_000) })]);
    writeFileSync(file, readFileSync(file).subarray(0, 60));
    await expect(openPacked(file)).rejects.toThrow(FilesRefused);
  });
});
