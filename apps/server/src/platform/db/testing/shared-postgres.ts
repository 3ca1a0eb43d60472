import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { EmbeddedPostgres } from '../embedded-postgres.ts';
import { identify } from '../process-identity.ts';

let known: Promise<string> | undefined;

/**
 * Address of one embedded PostgreSQL that every spec file of this checkout shares, started by whoever comes first.
 * Test processes register; a small watcher stops it and removes its folder when none of them lives any more.
 */
export function sharedPostgres(): Promise<string> {
  known ??= openShared();
  return known;
}

async function openShared(): Promise<string> {
  const checkout = createHash('sha256')
    .update(import.meta.url)
    .digest('hex')
    .slice(0, 10);
  const folder = join(tmpdir(), `sluice-test-postgres-${process.getuid?.() ?? 0}-${checkout}`);
  const members = join(folder, 'members');
  return whileLocked(`${folder}.lock`, async () => {
    mkdirSync(members, { recursive: true, mode: 0o700 });
    writeFileSync(join(members, String(process.pid)), '');
    const postgres = await EmbeddedPostgres.start({ folder, durable: false, maxConnections: 300 });
    if (!postgres.adopted || !watcherLives(folder)) watch(folder, postgres.pid);
    return postgres.url;
  });
}

function watcherLives(folder: string): boolean {
  const file = join(folder, 'watcher');
  return existsSync(file) && identify(Number(readFileSync(file, 'utf8'))) !== undefined;
}

/** In sh, because it must outlive the test runner and need nothing of ours. */
const WATCH = `
  folder=$1; postgres=$2; idle=0
  lives() { for file in "$folder"/members/*; do kill -0 "\${file##*/}" 2>/dev/null && return 0; done; return 1; }
  while kill -0 "$postgres" 2>/dev/null; do
    sleep 1
    if lives; then idle=0; continue; fi
    idle=$((idle + 1)); [ "$idle" -lt 5 ] && continue
    mkdir "$folder.lock" 2>/dev/null || continue
    echo $$ > "$folder.lock/pid"
    if ! lives; then
      kill -INT "$postgres"; while kill -0 "$postgres" 2>/dev/null; do sleep 0.1; done; rm -rf "$folder"
    fi
    rm -rf "$folder.lock"
  done`;

function watch(folder: string, postgres: number): void {
  const child = spawn('sh', ['-c', WATCH, 'sluice-test-postgres', folder, String(postgres)], {
    detached: true,
    stdio: 'ignore',
    cwd: '/',
  });
  child.unref();
  writeFileSync(join(folder, 'watcher'), String(child.pid));
}

/** A folder is made by one process only. The lock of a dead holder is taken over. */
async function whileLocked<T>(lock: string, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = readHolder(lock);
    if (holder !== undefined && !identify(holder)) rmSync(lock, { recursive: true, force: true });
    else if (performance.now() > deadline)
      throw new Error(`${lock} is held for a minute by process ${holder ?? 'unknown'}; remove it if no test runs.`);
    else await pause(20);
  }
  writeFileSync(join(lock, 'pid'), String(process.pid));
  try {
    return await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function readHolder(lock: string): number | undefined {
  try {
    return Number(readFileSync(join(lock, 'pid'), 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}
