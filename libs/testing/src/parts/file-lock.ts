import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface FileLockOptions {
  /** Shared locks stand beside each other and keep an exclusive one out. Default exclusive. */
  readonly mode?: 'exclusive' | 'shared';
  /** False: do not wait for it. Default true. */
  readonly wait?: boolean;
}

/**
 * Takes a lock of this user on this machine; the answer lets it go, and is undefined when it is taken and we do not wait.
 * The lock belongs to a small `flock` process whose standard input we hold: should we die, it ends too.
 */
export async function takeFileLock(
  name: string,
  { mode = 'exclusive', wait = true }: FileLockOptions = {},
): Promise<(() => Promise<void>) | undefined> {
  if (!/^[a-z0-9-]+$/.test(name))
    throw new TypeError(`A lock name has only a-z, 0-9 and "-", not ${JSON.stringify(name)}`);
  const path = join(tmpdir(), `sluice-${process.getuid?.() ?? 0}-${name}.lock`);
  const flags = [
    mode === 'shared' ? '--shared' : '--exclusive',
    ...(wait ? [] : ['--nonblock', '--conflict-exit-code', '75']),
  ];
  // A session of its own, so that Ctrl-C does not take the lock from us while we clean up.
  const holder = spawn('flock', [...flags, path, 'sh', '-c', 'echo held; exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = once(holder, 'exit') as Promise<[number | null]>;
  ended.catch(() => undefined);
  const code = await Promise.race([
    once(holder.stdout, 'data').then(() => 'held' as const),
    ended.then(([status]) => status),
  ]);
  if (code === 75) return undefined;
  if (code !== 'held')
    throw new Error(
      `flock could not lock ${path} (exit code ${String(code)}); remove the file if it belongs to another user.`,
    );
  // Holding it is no reason for this program to go on; letting it go is.
  holder.stdout.destroy();
  holder.unref();
  return async () => {
    holder.ref();
    holder.stdin.end();
    await ended;
  };
}

/** Runs `work` while this lock is held, so that parallel test files and a demo do not install or start the same thing twice. */
export async function withFileLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const release = await takeFileLock(name);
  try {
    return await work();
  } finally {
    await release?.();
  }
}
