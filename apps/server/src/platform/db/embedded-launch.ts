import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { PostgresBinaries } from './embedded-binaries.ts';

const run = promisify(execFile);
const NOBODY = 65_534;

/** How to start PostgreSQL's programs as somebody who is not root: PostgreSQL refuses root. */
export interface EmbeddedLaunch {
  readonly prefix: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
  readonly binaries: PostgresBinaries;
  /** Where data and log lie; below the data folder except when another user has to own them. */
  readonly folder: string;
}

const NAMESPACE = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`];

/**
 * An ordinary user starts the programs as they are. Root starts them in a user namespace in which root's files belong
 * to an ordinary id: no chown, no extra user, and it works below a folder with mode 0700. Where the kernel refuses user
 * namespaces, programs and data go to a folder that the user `nobody` can reach.
 */
export async function embeddedLaunch(
  folder: string,
  binaries: PostgresBinaries,
  { asRoot = process.getuid?.() === 0, outside = '/var/lib/sluice' }: { asRoot?: boolean; outside?: string } = {},
): Promise<EmbeddedLaunch> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!asRoot) return { prefix: [], binaries, folder };
  if (await namespaceWorks(folder, binaries)) return { prefix: NAMESPACE, binaries, folder };
  return nobodyLaunch(folder, binaries, outside);
}

async function namespaceWorks(folder: string, binaries: PostgresBinaries): Promise<boolean> {
  // Reading the data folder inside the namespace fails when a path above it belongs to an unmapped user.
  const script = 'test -w "$1" && exec "$2" --version';
  return run(NAMESPACE[0]!, [...NAMESPACE.slice(1), 'sh', '-c', script, 'sh', folder, binaries.postgres], {
    cwd: '/',
  }).then(
    () => true,
    () => false,
  );
}

export function nobodyLaunch(folder: string, binaries: PostgresBinaries, outside: string): EmbeddedLaunch {
  const place = join(outside, `postgres-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`);
  mkdirSync(place, { recursive: true, mode: 0o755 });
  chmodSync(outside, 0o755);
  const root = join(place, basename(binaries.root));
  if (!existsSync(join(root, 'copied'))) {
    cpSync(binaries.root, root, { recursive: true, verbatimSymlinks: true });
    mkdirSync(join(root, 'copied'));
  }
  const data = join(place, 'data');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  chownSync(data, NOBODY, NOBODY);
  return {
    prefix: [],
    uid: NOBODY,
    gid: NOBODY,
    binaries: { initdb: join(root, 'bin/initdb'), postgres: join(root, 'bin/postgres'), root },
    folder: data,
  };
}
