import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { embeddedBinaries } from './embedded-binaries.ts';
import { embeddedLaunch, type EmbeddedLaunch } from './embedded-launch.ts';
import { livingPostmaster, removeForeignPostmasterFile, type Postmaster } from './postmaster-file.ts';
import { identify } from './process-identity.ts';

const run = promisify(execFile);
const USER = 'sluice';
const DATABASE = 'sluice';
const START_LIMIT_MS = 30_000;
const LOG_LIMIT_BYTES = 10 * 1024 * 1024;

export interface EmbeddedPostgresOptions {
  /** Data folder of the server; PostgreSQL lies in `postgres` below it. */
  readonly folder: string;
  /** Default 100. */
  readonly maxConnections?: number;
  /** Only tests turn it off: commits then survive a killed process, not a power cut. */
  readonly durable?: boolean;
  /** How to leave root; chosen by the machine when absent. */
  readonly launch?: EmbeddedLaunch;
}

/**
 * A real PostgreSQL that belongs to one data folder. It runs apart from us (own session), so that Ctrl-C ends the
 * application first and the database last; if we die, it goes on and the next start adopts it.
 * The caller has claimed the data folder (claim-data-folder.ts).
 */
export class EmbeddedPostgres {
  readonly url: string;
  readonly pid: number;
  /** It was running already. */
  readonly adopted: boolean;

  private constructor({ pid, port }: Postmaster, password: string, adopted: boolean) {
    this.pid = pid;
    this.adopted = adopted;
    this.url = addressOf(port, password, DATABASE);
  }

  static async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const launch =
      options.launch ?? (await embeddedLaunch(join(resolve(options.folder), 'postgres'), await embeddedBinaries()));
    const cluster = join(launch.folder, 'cluster');
    const password = passwordOf(launch);
    if (!existsSync(cluster)) await initialise(launch, cluster, options.durable ?? true);

    const living = livingPostmaster(cluster);
    if (living && (await answersAs(living.port, password, cluster, START_LIMIT_MS, living.pid))) {
      await ensureDatabase(living.port, password);
      return new EmbeddedPostgres(living, password, true);
    }
    removeForeignPostmasterFile(cluster);
    const postmaster = await startPostmaster(launch, cluster, password, options);
    await ensureDatabase(postmaster.port, password);
    return new EmbeddedPostgres(postmaster, password, false);
  }

  /** Fast stop: open transactions are rolled back, nothing committed is lost. */
  async stop(): Promise<void> {
    await endProcess(this.pid, 'SIGINT', 10_000);
    await endProcess(this.pid, 'SIGQUIT', 5_000);
    if (identify(this.pid))
      throw new Error(`The embedded PostgreSQL (process ${this.pid}) did not stop; end it before the next start.`);
  }
}

async function startPostmaster(
  launch: EmbeddedLaunch,
  cluster: string,
  password: string,
  options: EmbeddedPostgresOptions,
): Promise<Postmaster> {
  const logFile = join(launch.folder, 'postgres.log');
  const deadline = performance.now() + START_LIMIT_MS;
  for (;;) {
    const port = await freePort();
    const child = spawnPostgres(launch, cluster, port, logFile, options);
    if (await answersAs(port, password, cluster, deadline - performance.now(), child)) return { pid: child, port };
    // The port was taken meanwhile, or children of a killed postmaster still hold its shared memory: both pass.
    const passing = /in use|Address already|pre-existing shared memory|lock file/.test(tail(logFile));
    if (!passing || performance.now() > deadline) {
      await endProcess(child, 'SIGQUIT', 5_000);
      throw new Error(`The embedded PostgreSQL did not start; its log ${logFile} ends with:\n${tail(logFile)}`);
    }
    await pause(200);
  }
}

function spawnPostgres(
  launch: EmbeddedLaunch,
  cluster: string,
  port: number,
  logFile: string,
  options: EmbeddedPostgresOptions,
): number {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: String(options.maxConnections ?? 100),
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...((options.durable ?? true) ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
  const [command, ...args] = [
    ...launch.prefix,
    launch.binaries.postgres,
    '-D',
    cluster,
    ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
  ] as [string, ...string[]];
  if (existsSync(logFile) && statSync(logFile).size > LOG_LIMIT_BYTES) renameSync(logFile, `${logFile}.old`);
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: launch.folder,
    env: environment(),
    ...identityOf(launch),
  });
  closeSync(log);
  child.on('error', () => undefined);
  child.unref();
  if (child.pid === undefined) throw new Error(`${command} could not be started; is it installed and executable?`);
  return child.pid;
}

/** Into a folder beside, renamed when complete: a start that is killed half way leaves no half cluster (F42). */
async function initialise(launch: EmbeddedLaunch, cluster: string, durable: boolean): Promise<void> {
  const draft = `${cluster}.new`;
  rmSync(draft, { recursive: true, force: true });
  const [command, ...args] = [
    ...launch.prefix,
    launch.binaries.initdb,
    '-D',
    draft,
    '-U',
    USER,
    '--pwfile',
    passwordFile(launch),
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-instructions',
    ...(durable ? [] : ['--no-sync']),
  ] as [string, ...string[]];
  try {
    await run(command, args, { cwd: launch.folder, env: environment(), ...identityOf(launch) });
  } catch (cause) {
    const { stderr, message } = cause as { stderr?: string; message: string };
    throw new Error(`The embedded PostgreSQL could not be set up in ${launch.folder}: ${stderr?.trim() || message}`, {
      cause,
    });
  }
  renameSync(draft, cluster);
}

/** True as soon as this very cluster answers; false when its process ended or time is up. */
async function answersAs(
  port: number,
  password: string,
  cluster: string,
  limitMs: number,
  pid: number,
): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline && identify(pid)) {
    const folder = await ask(port, password, 'postgres', 'show data_directory').catch(() => undefined);
    if (folder !== undefined) return folder === cluster;
    await pause(15);
  }
  return false;
}

async function ensureDatabase(port: number, password: string): Promise<void> {
  const found = await ask(port, password, 'postgres', `select 1 from pg_database where datname = '${DATABASE}'`);
  if (found === undefined) await ask(port, password, 'postgres', `create database ${DATABASE}`);
}

async function ask(port: number, password: string, database: string, sql: string): Promise<unknown> {
  const client = new pg.Client({
    connectionString: addressOf(port, password, database),
    connectionTimeoutMillis: 2_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
    return rows[0]?.[0];
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function endProcess(pid: number, signal: NodeJS.Signals, limitMs: number): Promise<void> {
  const known = identify(pid);
  if (!known) return;
  try {
    process.kill(pid, signal);
  } catch {
    return;
  }
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline && identify(pid)?.started === known.started) await pause(5);
}

function passwordFile(launch: EmbeddedLaunch): string {
  return join(launch.folder, 'password');
}

function passwordOf(launch: EmbeddedLaunch): string {
  const file = passwordFile(launch);
  if (!existsSync(file)) {
    const draft = `${file}.new`;
    writeFileSync(draft, randomBytes(24).toString('hex'), { mode: 0o600 });
    if (launch.uid !== undefined) chownSync(draft, launch.uid, launch.gid ?? launch.uid);
    renameSync(draft, file);
  }
  return readFileSync(file, 'utf8').trim();
}

function addressOf(port: number, password: string, database: string): string {
  return `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;
}

function identityOf({ uid, gid }: EmbeddedLaunch): { uid?: number; gid?: number } {
  return { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
}

/** Nothing of ours: PG* variables and secrets of the application do not belong there. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' };
}

function tail(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-12).join('\n');
  } catch {
    return '(no log)';
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, failed) => {
    server.once('error', failed);
    server.listen({ host: '127.0.0.1', port: 0 }, done);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((done) => server.close(() => done()));
  return port;
}
