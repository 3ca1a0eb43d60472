import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { ensureDebianPackages, findPostgresBinaries } from './debian-packages.ts';
import { freePort } from './free-port.ts';
import { LoopbackProcess } from './loopback-process.ts';
import { storePart } from './store-part.ts';
import type { StorePart } from './store-part.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface PostgresOptions {
  readonly port?: number;
  /** fsync on. Off by default: a killed server process loses nothing either way, only a power cut would. */
  readonly durable?: boolean;
  /** Default 200. */
  readonly maxConnections?: number;
  /** Where the data lies. Default: a temporary folder; one that is given is left there. */
  readonly folder?: string;
}

export interface Postgres extends StorePart {
  /** Server version as it names itself, e.g. `15.14`. */
  readonly version: string;
  /** Makes an empty database and returns its address. Names have a-z, 0-9 and `_`. */
  createDatabase(name: string): Promise<string>;
}

const USER = 'sluice';

/** Debian's PostgreSQL on a loopback port: user and database `sluice`, password sign-in (scram), data of its own. */
export async function startPostgres({
  port: fixed,
  durable = false,
  maxConnections = 200,
  folder: given,
}: PostgresOptions = {}): Promise<Postgres> {
  await ensureDebianPackages(['postgresql']);
  const bin = findPostgresBinaries() ?? '/usr/lib/postgresql/15/bin';
  const port = fixed ?? (await freePort());
  const folder = given === undefined ? temporaryFolder('postgres') : { path: given, remove: () => undefined };
  const data = join(folder.path, 'data');
  const password = randomBytes(12).toString('hex');
  const prefix = await unprivileged();
  await initialise(prefix, bin, folder.path, data, password);
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: String(maxConnections),
    // Commits still wait for the write to the system, so that a killed server loses none.
    ...(durable ? {} : { fsync: 'off' }),
  };
  const psql = (database: string, sql: string) =>
    execa(
      join(bin, 'psql'),
      [
        '-X',
        '-q',
        '-A',
        '-t',
        '-v',
        'ON_ERROR_STOP=1',
        '-h',
        '127.0.0.1',
        '-p',
        String(port),
        '-U',
        USER,
        '-d',
        database,
        '-c',
        sql,
      ],
      {
        env: { PGPASSWORD: password, PGCONNECT_TIMEOUT: '2' },
        stdin: 'ignore',
      },
    );
  const server = new LoopbackProcess({
    name: 'postgres',
    prefix,
    command: join(bin, 'postgres'),
    args: ['-D', data, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
    cwd: folder.path,
    logFile: join(folder.path, 'postgres.log'),
    stopSignal: 'SIGINT',
    ready: () =>
      psql('postgres', 'select 1').then(
        () => true,
        () => false,
      ),
  });
  try {
    await server.start();
    const addressOf = (database: string) => `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;
    const createDatabase = async (name: string) => {
      if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name))
        throw new TypeError(`A test database is named with a-z, 0-9 and "_", not ${JSON.stringify(name)}`);
      await psql('postgres', `create database "${name}"`);
      return addressOf(name);
    };
    const url = await createDatabase(USER);
    const version = (await psql('postgres', 'show server_version')).stdout.split(' ')[0] ?? '';
    return { ...storePart(server, url, port, folder.remove), version, createDatabase };
  } catch (error) {
    await server.stop('SIGKILL');
    throw error;
  }
}

async function initialise(
  prefix: readonly string[],
  bin: string,
  folder: string,
  data: string,
  password: string,
): Promise<void> {
  mkdirSync(data, { mode: 0o700 });
  chmodSync(data, 0o700);
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  const options = ['-D', data, '-U', USER, '--pwfile', passwordFile, '--auth', 'scram-sha-256'];
  const shape = ['--encoding', 'UTF8', '--locale', 'C', '--no-sync'];
  const [file, ...args] = [...prefix, join(bin, 'initdb'), ...options, ...shape] as [string, ...string[]];
  await execa(file, args, { cwd: folder, stdin: 'ignore', all: true });
}

/** PostgreSQL refuses to run as root; inside a user namespace root's files belong to an ordinary id, also below a 0700 folder. */
async function unprivileged(): Promise<readonly string[]> {
  if (process.getuid?.() !== 0) return [];
  const prefix = ['unshare', '--user', '--map-user=65534', '--map-group=65534'];
  const { failed } = await execa(prefix[0] ?? '', [...prefix.slice(1), 'true'], { reject: false });
  if (failed)
    throw new Error(
      'This kernel refuses user namespaces to root, so PostgreSQL cannot be started by us: run the tests as an ordinary user.',
    );
  return prefix;
}
