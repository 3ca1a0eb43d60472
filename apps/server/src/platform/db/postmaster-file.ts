import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine, identify } from './process-identity.ts';

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

/** What `postmaster.pid` says, if the process it names is a PostgreSQL that lives. */
export function livingPostmaster(cluster: string): Postmaster | undefined {
  const lines = readLines(cluster);
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  if (!Number.isInteger(pid) || pid <= 1 || !Number.isInteger(port)) return undefined;
  return identify(pid) && isPostgres(pid) ? { pid, port } : undefined;
}

/**
 * PostgreSQL clears the file of a dead process by itself, but not when a stranger got its process id (usual after a
 * container's restart): it would then refuse to start for ever.
 */
export function removeForeignPostmasterFile(cluster: string): void {
  const pid = Number(readLines(cluster)[0]);
  if (Number.isInteger(pid) && pid > 1 && identify(pid) && !isPostgres(pid))
    rmSync(join(cluster, 'postmaster.pid'), { force: true });
}

function isPostgres(pid: number): boolean {
  const command = commandLine(pid);
  return command === '' || /postgres/.test(command);
}

function readLines(cluster: string): string[] {
  try {
    return readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return [];
  }
}
