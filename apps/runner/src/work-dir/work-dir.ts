import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

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

  private constructor(path: string, identity: string) {
    this.path = path;
    this.identity = identity;
  }

  /** Opens it for this process alone; a second runner with the same folder is refused. */
  static open(folder: string): WorkDir {
    const path = resolve(folder);
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      chmodSync(path, 0o700);
      lock(join(path, 'runner.lock'), path);
      const identity = readOrMake(join(path, 'identity'), () => randomUUID());
      for (const name of ['attempts', 'mirrors']) mkdirSync(join(path, name), { recursive: true, mode: 0o700 });
      const dir = new WorkDir(path, identity);
      dir.refillReserve();
      return dir;
    } catch (cause) {
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
    rmSync(join(this.path, 'runner.lock'), { force: true });
  }
}

/** The note names pid and start time: a pid that was given to another program since, or to us in a new container, counts as gone. */
function lock(file: string, folder: string): void {
  const mine = `${process.pid} ${startTime(process.pid) ?? ''}`;
  const held = readText(file);
  const [pid = '', time = ''] = held?.split(' ') ?? [];
  if (held !== undefined && held !== mine && Number(pid) !== process.pid && isAlive(Number(pid), time)) {
    throw new WorkDirProblem(
      `Another runner (process ${pid}) uses ${folder}: give this one a SLUICE_RUNNER_DIR of its own.`,
    );
  }
  writeFileSync(file, mine, { mode: 0o600 });
}

function isAlive(pid: number, time: string): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const now = startTime(pid);
  return now === undefined || time === '' || now === time;
}

/** Clock ticks since boot at which the process began; undefined where there is no /proc. */
function startTime(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
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
