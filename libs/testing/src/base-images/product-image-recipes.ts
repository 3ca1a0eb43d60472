import { existsSync, globSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { findPostgresBinaries, programPath } from '../parts/debian-packages.ts';
import { combine, sharedLibraries } from './root-file-system.ts';
import type { ImageContent } from './root-file-system.ts';

const NOTHING: ImageContent = { copies: new Map(), links: new Map(), texts: new Map() };

/** Node with git, ssh and npm: what the images of server and runner stand on, and what builds the product. */
export async function nodeDevContent(node: ImageContent): Promise<ImageContent> {
  const npm = join(realpathSync(requiredProgram('npm')), '../..');
  const gitCore = '/usr/lib/git-core';
  const programs = ['git', 'ssh'].map(requiredProgram);
  const helpers = ['git-remote-http', 'git-http-backend'].map((name) => join(gitCore, name));
  const libraries = await sharedLibraries([...programs, ...helpers]);
  return combine(node, {
    ...NOTHING,
    copies: new Map([
      ...[...programs, ...helpers].map((path): [string, string] => [path, path]),
      ['/usr/share/git-core/templates', '/usr/share/git-core/templates'],
      ['/usr/lib/node_modules/npm', npm],
      ...libraries,
      ...partsOfTheCLibrary(libraries.keys()),
    ]),
    links: new Map([
      [join(gitCore, 'git-remote-https'), 'git-remote-http'],
      ...['git-upload-pack', 'git-receive-pack'].map((name): [string, string] => [join(gitCore, name), '/usr/bin/git']),
      ['/usr/bin/npm', '../lib/node_modules/npm/bin/npm-cli.js'],
      ['/usr/bin/npx', '../lib/node_modules/npm/bin/npx-cli.js'],
      ['/usr/bin/env', '/bin/busybox'],
    ]),
  });
}

/** Native parts of npm packages are linked against these; every Debian image has them. */
function partsOfTheCLibrary(libraries: Iterable<string>): Map<string, string> {
  const folder = dirname([...libraries].find((path) => basename(path) === 'libc.so.6') ?? '/lib/libc.so.6');
  const paths = ['librt.so.1', 'libutil.so.1', 'libpthread.so.0', 'libdl.so.2'].map((name) => join(folder, name));
  return new Map(paths.filter((path) => existsSync(path)).map((path) => [path, path]));
}

/** nginx with its table of media types, and curl, as the official image has it. */
export async function nginxContent(busybox: ImageContent): Promise<ImageContent> {
  const programs = ['nginx', 'curl'].map(requiredProgram);
  const plain = [...programs, '/etc/nginx/mime.types'];
  return combine(busybox, {
    ...NOTHING,
    copies: new Map([...plain.map((path): [string, string] => [path, path]), ...(await sharedLibraries(programs))]),
  });
}

/** Redis with its command line client. */
export async function redisContent(busybox: ImageContent): Promise<ImageContent> {
  const programs = ['redis-server', 'redis-cli'].map(requiredProgram);
  return combine(busybox, {
    ...NOTHING,
    copies: new Map([
      ...programs.map((path): [string, string] => [path, realpathSync(path)]),
      ...(await sharedLibraries(programs)),
    ]),
    texts: new Map([['/data/.keep', '']]),
  });
}

/** Debian's PostgreSQL without its just-in-time compiler, started by the variables that the official image knows. */
export async function postgresContent(busybox: ImageContent): Promise<ImageContent> {
  const bin = findPostgresBinaries() ?? '/usr/lib/postgresql/15/bin';
  const version = bin.split('/').at(-2) ?? '';
  const programs = ['postgres', 'initdb', 'pg_isready', 'psql'].map((name) => join(bin, name));
  const modules = globSync(join(bin, '../lib/*.so')).filter((path) => !path.endsWith('/llvmjit.so'));
  const plain = [
    ...programs,
    ...modules,
    `/usr/share/postgresql/${version}`,
    '/usr/share/zoneinfo/UTC',
    '/usr/share/zoneinfo/Etc',
  ];
  return combine(busybox, {
    copies: new Map([
      ...plain.map((path): [string, string] => [path, path]),
      ...(await sharedLibraries([...programs, ...modules])),
    ]),
    links: new Map(programs.map((path): [string, string] => [join('/usr/bin', path.slice(bin.length)), path])),
    texts: new Map([
      ['/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\npostgres:x:999:999:postgres:/var/lib/postgresql:/bin/sh\n'],
      ['/etc/group', 'root:x:0:\npostgres:x:999:\n'],
      [POSTGRES_ENTRY, postgresEntry],
    ]),
  });
}

export const POSTGRES_ENTRY = '/usr/local/bin/start-postgres';
const postgresEntry = `set -e
data=/var/lib/postgresql/data
mkdir -p "$data"
chown -R postgres:postgres "$data"
chmod 700 "$data"
if [ ! -s "$data/PG_VERSION" ]; then
  (umask 077 && printf %s "$POSTGRES_PASSWORD" >/tmp/password)
  chown postgres /tmp/password
  export data
  su -p postgres -c 'initdb -D "$data" -U "$POSTGRES_USER" --pwfile /tmp/password --encoding UTF8 --locale C --no-sync $POSTGRES_INITDB_ARGS'
  rm /tmp/password
  echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
  printf 'create database "%s";\\n' "$POSTGRES_DB" | su -p postgres -c 'postgres --single -D "$data" postgres'
fi
exec su -p postgres -c "exec postgres -D $data -c listen_addresses='*' -c unix_socket_directories="
`;

function requiredProgram(name: string): string {
  const path = programPath(name);
  if (path === undefined) throw new Error(`The program ${name} is needed for a base image and is not installed.`);
  return path;
}
