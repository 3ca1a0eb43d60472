import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { Sandbox, StepsWork } from '../executor/executor.port.ts';
import type { CacheName } from '../server/runner-api.ts';
import { LeaseLost } from '../server/server-answer.ts';
import { fetchFile } from '../server/transfer-file.ts';
import type { FileParts } from './file-parts.ts';
import { insist, keepFile } from './keep-file.ts';
import { packFiles } from './pack-files.ts';
import { inWords } from './size-in-words.ts';
import { openPacked } from './unpack-files.ts';

/** A job does not wait long for something it can do without. */
const TRIES = 3;

/** A cache as it was when the job began. */
export interface OpenedCache extends CacheName {
  readonly paths: readonly string[];
  /** For the log. */
  readonly key: string;
  /** It was there under its own key: there is nothing new to keep. */
  readonly hit: boolean;
}

/** Puts in place what is there. Trouble with a cache is a line of the log and never the job's. */
export async function restoreCaches(work: StepsWork, parts: FileParts): Promise<OpenedCache[]> {
  const opened: OpenedCache[] = [];
  for (const [index, { key, files, paths }] of (work.cache ?? []).entries()) {
    await harmless(parts, `cache ${key}: not restored`, async () => {
      const name = { index, filesHash: files.length === 0 ? null : await hashFiles(parts.sandbox, files) };
      const answer = await insist(() => parts.api.findCache(parts.lease, name, parts.signal), {
        ...parts,
        tries: TRIES,
      });
      // Before the files come: what cannot be put in place may still be kept anew.
      opened.push({ ...name, paths, key: answer.key, hit: answer.found?.exact === true });
      if (answer.found === null) {
        parts.log.line(`cache ${answer.key}: miss`);
        return;
      }
      const { found } = answer;
      await takeCache(found, parts);
      const what = found.exact ? 'hit' : `taken from ${found.key}`;
      parts.log.line(`cache ${answer.key}: ${what}, ${inWords(found.length)}`);
    });
  }
  return opened;
}

async function takeCache(found: { url: string; length: number; sha256: string }, parts: FileParts): Promise<void> {
  const file = parts.file('cache');
  try {
    await insist(() => fetchFile(parts.api, found.url, file, found, parts.signal), { ...parts, tries: TRIES });
    await parts.sandbox.writeFiles(await openPacked(file));
  } finally {
    await rm(file, { force: true });
  }
}

/** After a job that passed: what is new. */
export async function keepCaches(opened: readonly OpenedCache[], work: StepsWork, parts: FileParts): Promise<void> {
  for (const { index, filesHash, paths, key, hit } of opened) {
    if (hit) continue;
    await harmless(parts, `cache ${key}: not kept`, async () => {
      const file = parts.file('cache');
      try {
        const packed = await packFiles(parts.sandbox, paths, file, work.limits?.cacheBytes ?? Infinity);
        if (packed === undefined) {
          parts.log.line(`cache ${key}: not kept, no file matches ${paths.join(', ')}`);
          return;
        }
        const { length, sha256 } = packed;
        const kept = await keepFile({
          ...parts,
          path: file,
          tries: TRIES,
          ask: () => parts.api.leaveCache(parts.lease, { index, filesHash, length, sha256 }, parts.signal),
          keep: (id) => parts.api.keepCache(parts.lease, id, parts.signal),
        });
        if (kept === 'sent') parts.log.line(`cache ${key}: kept, ${packed.files} files, ${inWords(length)}`);
      } finally {
        await rm(file, { force: true });
      }
    });
  }
}

async function harmless(parts: FileParts, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // The end of the whole job is not the cache's to swallow.
    if (error instanceof LeaseLost || parts.signal.aborted) throw error;
    parts.log.line(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** SHA-256 (hex) over names and contents, in the order of the names. */
async function hashFiles(sandbox: Pick<Sandbox, 'readEntries'>, paths: readonly string[]): Promise<string> {
  const hashes = new Map<string, string>();
  for await (const { header, content } of sandbox.readEntries(paths)) {
    if (header.type !== 'file') continue;
    const hash = createHash('sha256');
    for await (const chunk of content) hash.update(chunk as Uint8Array);
    hashes.set(header.name, hash.digest('hex'));
  }
  const all = createHash('sha256');
  for (const [name, hash] of [...hashes].sort(([one], [other]) => (one < other ? -1 : 1)))
    all.update(`${hash} ${name}\n`);
  return all.digest('hex');
}
