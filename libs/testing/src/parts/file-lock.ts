import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Runs `work` while this machine-wide lock is held, so that parallel test files and a demo do not install or start the
 * same thing twice. The lock belongs to a small `flock` process whose standard input we hold: should we die, it ends too.
 */
export async function withFileLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (!/^[a-z0-9-]+$/.test(name)) throw new TypeError(`A lock name has only a-z, 0-9 and "-", not ${JSON.stringify(name)}`);
  const path = join(tmpdir(), `sluice-${name}.lock`);
  const holder = spawn('flock', [path, 'sh', '-c', 'echo held; exec cat >/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const failed = once(holder, 'exit').then(([code]) => {
    throw new Error(`flock could not lock ${path} (exit code ${String(code)}); remove the file if it belongs to another user.`);
  });
  failed.catch(() => undefined);
  await Promise.race([once(holder.stdout, 'data'), failed]);
  try {
    return await work();
  } finally {
    holder.stdin.end();
  }
}
