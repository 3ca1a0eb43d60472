import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { lockFolder, type FolderLock } from './lock-folder.ts';

/** Room for results and their folders when everything else has filled the disk (F41). */
const RESERVE_BYTES = 16 * 1024 * 1024;

/** Raised with one sentence that says what to do. */
export class WorkDirProblem extends Error {
  override readonly name = 'WorkDirProblem';
}

/** The runner's own folder, mode 0700: who it is, its token, mirrors, attempts that are not acknowledged yet. */
export class WorkDir {
  readonly path: string;
  /** Made once; the label of everything this runner makes in the engine. */
  readonly identity: string;

  readonly #lock: FolderLock;

  private constructor(path: string, identity: string, lock: FolderLock) {
    this.path = path;
    this.identity = identity;
    this.#lock = lock;
  }

  /** Opens it for this process alone; a second runner with the same folder is refused, wherever it runs. */
  static open(folder: string): WorkDir {
    const path = resolve(folder);
    let lock: FolderLock | undefined;
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      chmodSync(path, 0o700);
      const outcome = lockFolder(path);
      if (outcome.kind === 'held')
        throw new WorkDirProblem(
          `Another runner (${outcome.by}) uses the work folder ${path}: give this one a SLUICE_RUNNER_DIR of its own; containers must not share a volume.`,
        );
      ({ lock } = outcome);
      const identity = readOrMake(join(path, 'identity'), () => randomUUID());
      for (const name of ['attempts', 'mirrors']) mkdirSync(join(path, name), { recursive: true, mode: 0o700 });
      const dir = new WorkDir(path, identity, lock);
      dir.refillReserve();
      return dir;
    } catch (cause) {
      lock?.release();
      if (cause instanceof WorkDirProblem) throw cause;
      throw new WorkDirProblem(
        `SLUICE_RUNNER_DIR ${path} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
    }
  }

  get attempts(): string {
    return join(this.path, 'attempts');
  }
  /** Workspaces of jobs that run without a container. */
  get hostJobs(): string {
    return join(this.path, 'host');
  }
  get mirrors(): string {
    return join(this.path, 'mirrors');
  }

  readToken(): string | undefined {
    return readText(join(this.path, 'runner-token'));
  }

  keepToken(token: string): void {
    const file = join(this.path, 'runner-token');
    writeFileSync(file, `${token}\n`, { mode: 0o600, flush: true });
    chmodSync(file, 0o600);
  }

  /** Gives the kept room back to the file system. */
  releaseReserve(): void {
    rmSync(join(this.path, 'reserve'), { force: true });
  }

  /** Nothing to do while it is there: after every job that would be a pause of the whole process. */
  refillReserve(): void {
    try {
      if (statSync(join(this.path, 'reserve'), { throwIfNoEntry: false })?.size === RESERVE_BYTES) return;
      writeFileSync(join(this.path, 'reserve'), Buffer.alloc(RESERVE_BYTES), { mode: 0o600 });
    } catch {
      // A full disk has no room to keep; jobs will say so.
      this.releaseReserve();
    }
  }

  close(): void {
    this.#lock.release();
  }
}

function readOrMake(file: string, make: () => string): string {
  const text = readText(file);
  if (text !== undefined && text !== '') return text;
  const made = make();
  writeFileSync(file, made, { mode: 0o600, flush: true });
  return made;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
