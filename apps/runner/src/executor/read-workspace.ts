import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { matchesPattern } from '@sluice/pipeline-spec';
import { extract } from 'tar-stream';
import type { SandboxFile, WorkspaceEntry } from './executor.port.ts';

export interface ReadLimits {
  readonly maxFiles: number;
  readonly maxBytes: number;
}

/** A file, or a folder with everything in it, below the service's folder as a tar; names begin with the last part of the path. Undefined: nothing is there. */
export type ArchiveOf = (path: string) => Promise<Readable | undefined>;

/** Files that match the globs. Only the fixed beginning of each glob is fetched. Links are never followed. */
export async function* readMatching(
  archiveOf: ArchiveOf,
  globs: readonly string[],
  { maxFiles, maxBytes }: ReadLimits,
): AsyncGenerator<SandboxFile> {
  let count = 0;
  for await (const { header, content } of readEntries(archiveOf, globs, matchesPattern)) {
    if (header.type !== 'file' || count >= maxFiles) continue;
    count += 1;
    if ((header.size ?? 0) > maxBytes) {
      yield { path: header.name, text: undefined };
      continue;
    }
    const parts: Uint8Array[] = [];
    for await (const chunk of content) parts.push(chunk as Uint8Array);
    yield { path: header.name, text: Buffer.concat(parts).toString('utf8') };
  }
}

/** A pattern, or a file or folder with everything below it. */
export function isKept(path: string, name: string): boolean {
  if (path === '.') return true;
  return matchesPattern(path, name) || name.startsWith(`${path.replace(/\/$/, '')}/`);
}

/** Everything that `matches` one of the paths, each once. What of an entry is not read is passed over. */
export async function* readEntries(
  archiveOf: ArchiveOf,
  paths: readonly string[],
  matches: (path: string, name: string) => boolean,
): AsyncGenerator<WorkspaceEntry> {
  const seen = new Set<string>();
  for (const path of paths) {
    const plain = posix.normalize(path).replace(/^\/+/, '');
    const start = fixedStart(plain).replace(/\/$/, '');
    const archive = await archiveOf(start);
    if (archive === undefined) continue;
    const entries = extract();
    archive.on('error', (error) => entries.destroy(error));
    archive.pipe(entries as unknown as NodeJS.WritableStream);
    // The archive's names begin with the last part of the path that was asked for.
    const above = posix.dirname(start);
    const below = (given: string) => {
      const trimmed = given.replace(/\/$/, '');
      return start === '' || start === '.' ? trimmed.replace(/^[^/]*\/?/, '') : posix.join(above, trimmed);
    };
    try {
      for await (const entry of entries) {
        const name = below(entry.header.name);
        if (name !== '' && !seen.has(name) && matches(plain, name)) {
          seen.add(name);
          const linkname = entry.header.type === 'link' ? below(entry.header.linkname ?? '') : entry.header.linkname;
          yield { header: { ...entry.header, name, linkname: linkname ?? '' }, content: entry };
        }
        entry.resume();
      }
    } finally {
      // Whoever wants no more of it lets its source go too.
      if (!archive.readableEnded) archive.destroy();
    }
  }
}

/** `reports` of `reports/*.xml`; the file itself when there is no wildcard; `.` when the first part has one. */
function fixedStart(glob: string): string {
  const parts = glob.split('/');
  const first = parts.findIndex((part) => /[*?]/.test(part));
  return first === -1 ? glob : parts.slice(0, first).join('/') || '.';
}
