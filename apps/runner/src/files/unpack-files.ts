import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { extract, pack } from 'tar-stream';
import type { Header, Pack } from 'tar-stream';
import type { EntryHeader } from '../executor/executor.port.ts';
import { ENTRY_LIMITS, EntryRules, FilesRefused } from './entry-rules.ts';
import type { EntryLimits } from './entry-rules.ts';

/** No honest archive grows like this once it is large (A61). */
const BOMB = { ratio: 500, fromBytes: 256 * 1024 * 1024 };

/**
 * A packed file as a plain tar that holds only what the rules admit. It is gone through once before anything is put in place, so what is
 * refused leaves nothing behind. Throws FilesRefused.
 */
export async function openPacked(file: string, limits: EntryLimits = ENTRY_LIMITS): Promise<Readable> {
  const { size } = await stat(file);
  const most = size * BOMB.ratio;
  const rules = new EntryRules({ ...limits, bytes: Math.min(limits.bytes, Math.max(BOMB.fromBytes, most)) });
  await through(file, async (entry) => {
    rules.admit(headerOf(entry));
    for await (const _ of entry);
  });
  const plain = pack();
  void copy(file, plain, limits).catch((error: unknown) =>
    plain.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return Readable.from(plain);
}

async function copy(file: string, plain: Pack, limits: EntryLimits): Promise<void> {
  const rules = new EntryRules(limits);
  await through(file, async (entry) => {
    const target = plain.entry({ ...rules.admit(headerOf(entry)), uid: 0, gid: 0 });
    for await (const chunk of entry)
      if (!target.write(chunk)) await new Promise((resolve) => target.once('drain', () => resolve(undefined)));
    target.end(undefined);
  });
  plain.finalize();
}

type Entry = AsyncIterable<unknown> & { readonly header: Header };

function headerOf({ header }: Entry): EntryHeader {
  return { ...header, type: header.type, linkname: header.linkname ?? '' };
}

async function through(file: string, take: (entry: Entry) => Promise<void>): Promise<void> {
  const entries = extract();
  const source = createReadStream(file);
  const plain = createGunzip();
  source.once('error', (error) => entries.destroy(error));
  plain.once('error', (error) => entries.destroy(error));
  source.pipe(plain).pipe(entries as unknown as NodeJS.WritableStream);
  try {
    for await (const entry of entries) await take(entry);
  } catch (error) {
    throw error instanceof FilesRefused ? error : new FilesRefused(`they cannot be unpacked (${String(error)})`);
  } finally {
    source.destroy();
    plain.destroy();
  }
}
