import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { identify, isSameProcess, type ProcessIdentity } from './process-identity.ts';

/** One server per data folder (F43). The claim of a server that died, however it died, counts for nothing. */
export class DataFolderInUseError extends Error {
  override readonly name = 'DataFolderInUseError';
  readonly pid: number;
  constructor(pid: number, folder: string) {
    super(
      `Another Sluice server (process ${pid}) already uses the data folder ${folder}; stop it, or set SLUICE_DATA to another folder.`,
    );
    this.pid = pid;
  }
}

export interface DataFolderClaim {
  release(): void;
}

/** Claims the folder for this process. Throws DataFolderInUseError, and one sentence when the folder cannot be written. */
export function claimDataFolder(folder: string, pid = process.pid): DataFolderClaim {
  const path = resolve(folder);
  const file = join(path, 'server.pid');
  const own = JSON.stringify(identify(pid) ?? { pid, started: '' });
  const draft = `${file}.${pid}`;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    writeFileSync(draft, own, { mode: 0o600 });
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new Error(
      `The data folder ${path} cannot be written (${why}); set SLUICE_DATA to a folder that may be made or written by the user the server runs as.`,
      { cause },
    );
  }
  try {
    for (;;) {
      try {
        // A hard link is made whole or not at all, and never over an existing name.
        linkSync(draft, file);
        return { release: () => release(file, own) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const text = readText(file);
      if (text === undefined) continue;
      const holder = parse(text);
      if (holder && isSameProcess(holder)) throw new DataFolderInUseError(holder.pid, path);
      putAside(file, text, pid);
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Removes exactly the stale claim that was read; a fresh one that took its place meanwhile is put back. */
function putAside(file: string, expected: string, pid: number): void {
  const aside = `${file}.stale.${pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (readText(aside) !== expected) linkSync(aside, file);
  rmSync(aside, { force: true });
}

function release(file: string, own: string): void {
  if (readText(file) === own) rmSync(file, { force: true });
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function parse(text: string): ProcessIdentity | undefined {
  try {
    const value = JSON.parse(text) as Partial<ProcessIdentity>;
    return typeof value.pid === 'number' ? { pid: value.pid, started: value.started ?? '' } : undefined;
  } catch {
    return undefined;
  }
}
