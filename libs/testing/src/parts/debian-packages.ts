import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { withFileLock } from './file-lock.ts';

/** How to see, without asking the package manager, that what we want from a package is there. */
const PRESENT = {
  'docker.io': () => onPath('dockerd'),
  'docker-registry': () => onPath('docker-registry'),
  'redis-server': () => onPath('redis-server'),
  postgresql: () => findPostgresBinaries() !== undefined,
  chromium: () => ['chromium', 'chromium-browser', 'google-chrome'].some(onPath),
  git: () => onPath('git') && existsSync(join(output('git', ['--exec-path']), 'git-http-backend')),
  // The package `busybox` puts a program there too, which needs libraries that an image would not have.
  'busybox-static': () => existsSync('/bin/busybox') && !/=>|ld-/.test(output('ldd', ['/bin/busybox'])),
  python3: () => existsSync('/usr/bin/python3'),
  tar: () => onPath('tar'),
  iptables: () => onPath('iptables'),
  'openssh-client': () => onPath('ssh'),
  'ca-certificates': () => existsSync('/etc/ssl/certs/ca-certificates.crt'),
  openssl: () => onPath('openssl'),
  curl: () => onPath('curl'),
  nginx: () => onPath('nginx'),
  'docker-compose': () => onPath('docker-compose'),
} satisfies Record<string, () => boolean>;

export type DebianPackage = keyof typeof PRESENT;

/** Raised when something needed is not there and cannot be installed by us; the message is one sentence with the command to type. */
export class MissingPackageError extends Error {
  override readonly name = 'MissingPackageError';
  readonly packages: readonly string[];

  constructor(packages: readonly string[], reason: string, options?: ErrorOptions) {
    super(`${reason}: install with  sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`, options);
    this.packages = packages;
  }
}

export interface EnsurePackagesOptions {
  /** Told one line before an installation starts. */
  readonly report?: (line: string) => void;
}

/**
 * Makes sure that these Debian packages' programs are there; as root on Debian or Ubuntu it installs what is missing.
 * Safe to call from many processes at once. Throws MissingPackageError when it can't help.
 */
export async function ensureDebianPackages(
  names: readonly DebianPackage[],
  { report }: EnsurePackagesOptions = {},
): Promise<void> {
  const missing = () => names.filter((name) => !PRESENT[name]());
  if (missing().length === 0) return;
  const reason = `${missing().join(', ')} ${missing().length === 1 ? 'is' : 'are'} needed`;
  if (!isDebian())
    throw new MissingPackageError(
      missing(),
      `${reason} and this system is not Debian or Ubuntu, so nothing was installed`,
    );
  if (process.getuid?.() !== 0) throw new MissingPackageError(missing(), `${reason} and only root can install`);
  await withFileLock('apt', async () => {
    const wanted = missing();
    if (wanted.length === 0) return;
    report?.(`installing ${wanted.join(', ')} with apt-get`);
    try {
      await aptInstall(wanted);
    } catch (cause) {
      throw new MissingPackageError(wanted, `${reason} and apt-get could not install (${lastLine(cause)})`, { cause });
    }
    const still = missing();
    if (still.length > 0)
      throw new MissingPackageError(still, `apt-get succeeded but ${still.join(', ')} still can't be found`);
  });
}

async function aptInstall(names: readonly string[]): Promise<void> {
  // RUNLEVEL=1 keeps package scripts from starting services on their default ports.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  const options = { env, stdin: 'ignore', timeout: 600_000, all: true } as const;
  await execa('apt-get', ['update', '-q', ...wait], options);
  await execa('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...wait, ...names], options);
}

function isDebian(): boolean {
  if (!existsSync('/etc/os-release') || !onPath('apt-get')) return false;
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
}

/** Whether a program of this name can be run; /usr/sbin counts too, since daemons live there. */
export function onPath(program: string): boolean {
  return programPath(program) !== undefined;
}

/** Absolute path of a program on PATH or in the system folders. */
export function programPath(program: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/sbin', '/bin', '/sbin'];
  return folders
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

/** Folder with initdb and postgres of the newest Debian server installed. */
export function findPostgresBinaries(): string | undefined {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return undefined;
  const versions = readdirSync(root)
    .filter((version) => /^\d+$/.test(version))
    .sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(root, version, 'bin')).find((folder) => isExecutable(join(folder, 'initdb')));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function output(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return ''; // ldd says "not a dynamic executable" by its exit code.
  }
}

function lastLine(cause: unknown): string {
  const { all, message } = cause as { readonly all?: string; readonly message: string };
  const text = (all ?? message).trim();
  return text.split('\n').at(-1) ?? 'no output';
}
