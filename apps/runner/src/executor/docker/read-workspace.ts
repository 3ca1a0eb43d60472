import { posix } from 'node:path';
import { matchesPattern } from '@sluice/pipeline-spec';
import type Docker from 'dockerode';
import { extract } from 'tar-stream';
import type { SandboxFile } from '../executor.port.ts';
import { engineStatus, toTrouble } from './engine-trouble.ts';

export interface ReadLimits {
  readonly maxFiles: number;
  readonly maxBytes: number;
}

/**
 * Files below a folder of the container that match the globs, through the engine's archive call, so it works with a remote engine
 * too. Only the fixed beginning of each glob is fetched. Links are never followed.
 */
export async function* readMatching(
  container: Docker.Container,
  folder: string,
  globs: readonly string[],
  { maxFiles, maxBytes }: ReadLimits,
): AsyncGenerator<SandboxFile> {
  const seen = new Set<string>();
  for (const glob of globs) {
    const plain = posix.normalize(glob).replace(/^\/+/, '');
    const start = fixedStart(plain);
    let archive: NodeJS.ReadableStream;
    try {
      archive = await container.getArchive({ path: posix.join(folder, start) });
    } catch (error) {
      if (engineStatus(error) === 404) continue;
      throw toTrouble(error, 'read the workspace');
    }
    const entries = extract();
    archive.on('error', (error) => entries.destroy(error));
    archive.pipe(entries as unknown as NodeJS.WritableStream);
    // The archive's names begin with the last part of the path that was asked for.
    const above = posix.dirname(start);
    for await (const entry of entries) {
      const name = posix.join(
        above,
        start === '' || start === '.' ? entry.header.name.replace(/^[^/]*\/?/, '') : entry.header.name,
      );
      const wanted = entry.header.type === 'file' && !seen.has(name) && matchesPattern(plain, name);
      if (!wanted || seen.size >= maxFiles) {
        entry.resume();
        continue;
      }
      seen.add(name);
      if ((entry.header.size ?? 0) > maxBytes) {
        entry.resume();
        yield { path: name, text: undefined };
        continue;
      }
      const parts: Uint8Array[] = [];
      for await (const chunk of entry) parts.push(chunk as Uint8Array);
      yield { path: name, text: Buffer.concat(parts).toString('utf8') };
    }
  }
}

/** `reports` of `reports/*.xml`; the file itself when there is no wildcard; `.` when the first part has one. */
function fixedStart(glob: string): string {
  const parts = glob.split('/');
  const first = parts.findIndex((part) => /[*?]/.test(part));
  return first === -1 ? glob : parts.slice(0, first).join('/') || '.';
}
