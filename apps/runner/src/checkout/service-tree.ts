import { posix } from 'node:path';
import { Readable } from 'node:stream';
import dockerignore from '@balena/dockerignore';
import { git, gitStream, GitStreamCut } from '@sluice/git';
import { extract, pack } from 'tar-stream';
import type { Header, Pack } from 'tar-stream';
import { JobRefused } from '../executor/executor.port.ts';
import type { CheckedOutCommit } from './mirror-cache.ts';
import { requireFolder } from './mirror-cache.ts';

// A CommonJS module whose typings tell of a default export that is not there at run time.
const ignore = dockerignore as unknown as typeof dockerignore.default;

/** The whole tree of the commit as a tar stream, owned by root. */
export function commitTar(checkout: CheckedOutCommit): Readable {
  return archive(checkout, checkout.commit);
}

function archive(checkout: CheckedOutCommit, tree: string): Readable {
  return gitStream(['archive', '--format=tar', tree], checkout).once('error', (error) => {
    // One that gave up by itself, though the commit is there.
    if (error instanceof GitStreamCut && error.exitCode !== undefined) checkout.doubt();
  });
}

/** `services/catalog` for `./services/catalog/`; empty for the top. Throws `JobRefused` for a path that leaves the checkout. */
export function folderInTree(...parts: readonly string[]): string {
  const path = posix.join('.', ...parts).replace(/^\/+|\/+$/g, '');
  if (path === '..' || path.startsWith('../'))
    throw new JobRefused('no-such-folder', `The folder "${path}" is outside of the checkout.`);
  return path === '.' ? '' : path;
}

/**
 * A folder of the commit as a build context: what its `.dockerignore` leaves, with the commit's time on every file, so the same
 * commit gives the same bytes. The Dockerfile always stays.
 */
export async function buildContext(checkout: CheckedOutCommit, folder: string, dockerfile: string): Promise<Readable> {
  await requireFolder(checkout, folder);
  const [ignoreFile, commitTime] = await Promise.all([
    git(['cat-file', 'blob', `${checkout.commit}:${posix.join(folder, '.dockerignore')}`], checkout),
    git(['show', '--no-patch', '--format=%ct', checkout.commit], checkout),
  ]);
  const excluded = ignore({ ignorecase: false });
  if (ignoreFile.exitCode === 0) excluded.add(ignoreFile.stdout.split('\n'));
  const always = posix.normalize(dockerfile);
  const wanted = (name: string) => name === always || !excluded.ignores(name);
  const context = pack();
  void copyEntries(
    archive(checkout, `${checkout.commit}:${folder}`),
    context,
    wanted,
    new Date(Number(commitTime.stdout) * 1000),
  ).catch((error: unknown) => context.destroy(error instanceof Error ? error : new Error(String(error))));
  return Readable.from(context);
}

async function copyEntries(
  source: Readable,
  context: Pack,
  wanted: (name: string) => boolean,
  mtime: Date,
): Promise<void> {
  const entries = extract();
  source.once('error', (error) => entries.destroy(error));
  source.pipe(entries as unknown as NodeJS.WritableStream);
  // An ignored folder comes only with an exception below it.
  const heldFolders = new Map<string, Header>();
  const write = ({ name, type, mode, size, linkname }: Header) =>
    context.entry({ name, type, mode, size, linkname: linkname ?? '', mtime, uid: 0, gid: 0 });
  for await (const entry of entries) {
    const name = entry.header.name.replace(/\/$/, '');
    if (!wanted(name)) {
      if (entry.header.type === 'directory') heldFolders.set(name, entry.header);
      entry.resume();
      continue;
    }
    for (const parent of parentsOf(name)) {
      const held = heldFolders.get(parent);
      if (held !== undefined) write(held).end(undefined);
      heldFolders.delete(parent);
    }
    const target = write(entry.header);
    for await (const chunk of entry)
      if (!target.write(chunk)) await new Promise((resolve) => target.once('drain', () => resolve(undefined)));
    target.end(undefined);
  }
  context.finalize();
}

/** `a`, `a/b` for `a/b/c`. */
function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'));
}
