import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process by id and start, so that another process that later got the same id is not mistaken for it. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; '' where the system does not tell. */
  readonly started: string;
}

export function identify(pid: number): ProcessIdentity | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
  }
  const started = startOf(pid);
  return started === 'ended' ? undefined : { pid, started };
}

export function isSameProcess(known: ProcessIdentity): boolean {
  const now = identify(known.pid);
  return now !== undefined && (known.started === '' || now.started === '' || known.started === now.started);
}

/** The command line, to tell a postmaster from a stranger with its old process id; '' when unknown. */
export function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}

function startOf(pid: number): string {
  try {
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces; the fields after it may not. Field 3 is the state, field 22 the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return 'ended';
    return `${bootId()}:${fields[19] ?? ''}`;
  } catch {
    return '';
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
