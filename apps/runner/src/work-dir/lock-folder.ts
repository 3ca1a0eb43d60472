import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A process that was killed a moment ago may still be on its way out. */
const PATIENCE_MS = 1_000;
const SQLITE_BUSY = 5;

export interface FolderLock {
  release(): void;
}

/** `held`: somebody has it; `by` says who as well as it is known. Errors of a file system that has no locks are thrown. */
export type LockOutcome =
  { readonly kind: 'locked'; readonly lock: FolderLock } | { readonly kind: 'held'; readonly by: string };

/**
 * Locks a folder for this process, for as long as it lives. It is a lock of the kernel on a file in the folder, so it also holds
 * between containers that share a volume and over NFS, where a process id says nothing, and ends with its process, however
 * that ends: a runner that is started again at once finds it free. SQLite is what Node has for it: an exclusive
 * transaction on an empty database is such a lock, and nothing else of it is used. The file stays, for whoever removed it would
 * give others a second one to lock.
 */
export function lockFolder(folder: string): LockOutcome {
  const note = join(folder, 'runner.lock');
  const database = new DatabaseSync(join(folder, 'lock.sqlite'), { timeout: PATIENCE_MS });
  try {
    database.exec('begin exclusive');
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    return { kind: 'held', by: readNote(note) };
  }
  try {
    writeFileSync(note, `${process.pid} ${hostname()}`, { mode: 0o600 });
  } catch {
    // A full disk has no room for it; the lock holds all the same.
  }
  return {
    kind: 'locked',
    lock: {
      release: () => {
        // In this order, or it would be the note of the next one.
        rmSync(note, { force: true });
        database.close();
      },
    },
  };
}

/** For people alone: in a container the host is the container. */
function readNote(file: string): string {
  try {
    const [pid, host] = readFileSync(file, 'utf8').trim().split(' ');
    return `process ${pid}${host === undefined ? '' : ` on ${host}`}`;
  } catch {
    return 'its process is not known';
  }
}
