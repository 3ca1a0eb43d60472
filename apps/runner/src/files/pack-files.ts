import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import type { Pack } from 'tar-stream';
import { OUTPUT_FILE } from '../executor/executor.port.ts';
import type { Sandbox } from '../executor/executor.port.ts';
import { EntryRules, FilesRefused, staysInside } from './entry-rules.ts';

export interface PackedFiles {
  readonly file: string;
  readonly files: number;
  readonly length: number;
  /** Hex. */
  readonly sha256: string;
  /** Links that lead out of the folder are not taken. */
  readonly leftOut: number;
}

/**
 * The files of a workspace that match, as one gzipped tar on the runner's disk. The same files give the same bytes. Undefined when there are none.
 * Throws FilesRefused, also when it gets larger than `maxBytes`.
 */
export async function packFiles(
  sandbox: Pick<Sandbox, 'readEntries'>,
  paths: readonly string[],
  file: string,
  maxBytes: number,
): Promise<PackedFiles | undefined> {
  const archive = pack();
  const rules = new EntryRules();
  const hash = createHash('sha256');
  let length = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      length += chunk.length;
      hash.update(chunk);
      done(length > maxBytes ? new FilesRefused(`they have more than ${maxBytes} bytes packed`) : null, chunk);
    },
  });
  // Quick rather than small: the job waits for it.
  const written = pipeline(
    Readable.from(archive),
    createGzip({ level: 1 }),
    count,
    createWriteStream(file, { mode: 0o600 }),
  );
  const [leftOut] = await Promise.all([
    fill(archive, sandbox, paths, rules).catch((error: unknown) => {
      archive.destroy(error as Error);
      throw error;
    }),
    written.catch((error: unknown) => {
      archive.destroy(error as Error);
      throw error;
    }),
  ]);
  if (rules.files === 0) return undefined;
  return { file, files: rules.files, length, sha256: hash.digest('hex'), leftOut };
}

async function fill(
  archive: Pack,
  sandbox: Pick<Sandbox, 'readEntries'>,
  paths: readonly string[],
  rules: EntryRules,
): Promise<number> {
  let leftOut = 0;
  for await (const { header, content } of sandbox.readEntries(paths)) {
    if (header.name === OUTPUT_FILE) continue;
    if (header.type === 'symlink' && !staysInside(header.name, header.linkname ?? '')) {
      leftOut += 1;
      continue;
    }
    const entry = archive.entry({ ...rules.admit(header), uid: 0, gid: 0 });
    if (header.type === 'file') {
      for await (const chunk of content)
        if (!entry.write(chunk as Uint8Array)) await drained(entry as unknown as NodeJS.WritableStream, archive);
    }
    entry.end(undefined);
  }
  archive.finalize();
  return leftOut;
}

/** An archive that broke never drains. */
async function drained(entry: NodeJS.WritableStream, archive: Pack): Promise<void> {
  if (archive.destroyed) throw new FilesRefused('the archive broke');
  const over = new AbortController();
  const broken = () => over.abort();
  archive.once('close', broken);
  try {
    await once(entry, 'drain', { signal: over.signal });
  } finally {
    archive.off('close', broken);
  }
}
