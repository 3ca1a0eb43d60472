import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import Docker from 'dockerode';
import { ensureDebianPackages, programPath } from './debian-packages.ts';
import { eventually } from './eventually.ts';
import { withFileLock } from './file-lock.ts';
import { tail } from './loopback-process.ts';

const SOCKET = '/var/run/docker.sock';
const PID_FILE = '/var/run/docker.pid';

export interface DockerEngineOptions {
  /** Folder for the daemon's log and for the note that we started it. */
  readonly stateDir: string;
  readonly report?: (line: string) => void;
}

export interface DockerEngine {
  readonly docker: Docker;
  /** As the DOCKER_HOST setting would spell it. */
  readonly address: string;
  readonly version: string;
  /** True also when an earlier, interrupted start with the same state folder left the daemon behind. */
  readonly startedByUs: boolean;
  /** Ends the daemon if we started it; otherwise does nothing. */
  stop(): Promise<void>;
}

/** Raised with one sentence that says what to do. */
export class NoContainerEngineError extends Error {
  override readonly name = 'NoContainerEngineError';
}

/**
 * The container engine of this machine: the one that answers on DOCKER_HOST or the usual socket, or else Debian's dockerd,
 * installed when needed and started apart from our process group.
 */
export async function startDockerEngine({ stateDir, report }: DockerEngineOptions): Promise<DockerEngine> {
  const named = process.env['DOCKER_HOST'];
  const docker = named === undefined || named === '' ? new Docker({ socketPath: SOCKET }) : new Docker();
  const address = named === undefined || named === '' ? `unix://${SOCKET}` : named;
  if (await answers(docker)) return handle(docker, address, stateDir);
  if (named !== undefined && named !== '') {
    throw new NoContainerEngineError(`No container engine answers at DOCKER_HOST=${named}: start it, or unset DOCKER_HOST to use this machine's own.`);
  }
  if (process.platform !== 'linux') {
    throw new NoContainerEngineError('No container engine answers: start Docker Desktop (or any engine) and set DOCKER_HOST if it is not on the usual socket.');
  }
  await ensureDebianPackages(['docker.io', 'iptables'], report === undefined ? {} : { report });
  if (process.getuid?.() !== 0) {
    throw new NoContainerEngineError('The container engine is installed but does not answer to you: start it with  sudo systemctl start docker  and join its group with  sudo usermod -aG docker "$USER"');
  }
  await withFileLock('dockerd', async () => {
    if (!(await answers(docker))) await startDaemon(docker, stateDir, report);
  });
  return handle(docker, address, stateDir);
}

async function handle(docker: Docker, address: string, stateDir: string): Promise<DockerEngine> {
  const { Version } = await docker.version();
  const pid = daemonWeStarted(stateDir);
  return {
    docker,
    address,
    version: Version,
    startedByUs: pid !== undefined,
    stop: async () => {
      const running = daemonWeStarted(stateDir);
      if (running === undefined) return;
      process.kill(running, 'SIGTERM');
      await eventually(() => !isDaemon(running), { timeoutMs: 30_000, describe: 'dockerd to stop' });
      rmSync(noteFile(stateDir), { force: true });
    },
  };
}

/** Each next set of flags gives up something that a restricted kernel may refuse. */
const FLAG_SETS: readonly { readonly flags: readonly string[]; readonly loses: string; readonly when: RegExp }[] = [
  { flags: [], loses: '', when: /./ },
  {
    flags: ['--iptables=false', '--ip6tables=false', '--ip-masq=false'],
    loses: 'the kernel offers no NAT, so containers reach published ports and each other but no outside network',
    when: /iptables|nat table|network controller|MASQUERADE/i,
  },
  {
    flags: ['--iptables=false', '--ip6tables=false', '--ip-masq=false', '--storage-driver=vfs'],
    loses: 'overlay file systems are refused too, so images take more room',
    when: /graphdriver|storage-driver|overlay|iptables|nat table|network controller/i,
  },
];

async function startDaemon(docker: Docker, stateDir: string, report?: (line: string) => void): Promise<void> {
  mkdirSync(stateDir, { recursive: true });
  const logFile = join(stateDir, 'dockerd.log');
  let why = 'first try';
  for (const { flags, loses, when } of FLAG_SETS) {
    if (!when.test(why)) continue;
    if (loses !== '') report?.(loses);
    removeStalePidFile();
    const before = sizeOf(logFile);
    const outcome = await tryDaemon(docker, flags, stateDir, logFile);
    if (outcome === 'ready') return;
    why = readFileSync(logFile, 'utf8').slice(before);
  }
  throw new NoContainerEngineError(`dockerd could not be started; its log ${logFile} ends with:\n${tail(logFile)}`);
}

async function tryDaemon(docker: Docker, flags: readonly string[], stateDir: string, logFile: string): Promise<'ready' | 'ended'> {
  const log = openSync(logFile, 'a');
  const child = spawn(programPath('dockerd') ?? 'dockerd', ['--host', `unix://${SOCKET}`, '--pidfile', PID_FILE, ...flags], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  let ended = false;
  child.once('error', () => (ended = true));
  child.once('exit', () => (ended = true));
  child.unref();
  try {
    await eventually(async () => ended || (await answers(docker)), { timeoutMs: 60_000, everyMs: 100, describe: 'dockerd to answer' });
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  if (ended || child.pid === undefined) return 'ended';
  writeFileSync(noteFile(stateDir), JSON.stringify({ pid: child.pid, startTime: startTime(child.pid) }));
  return 'ready';
}

/** dockerd refuses to start when the pid in its file lives, even if that is another program by now. */
function removeStalePidFile(): void {
  try {
    const pid = Number(readFileSync(PID_FILE, 'utf8').trim());
    if (!isDaemon(pid)) rmSync(PID_FILE);
  } catch {
    // No pid file: nothing to repair.
  }
}

function daemonWeStarted(stateDir: string): number | undefined {
  try {
    const note = JSON.parse(readFileSync(noteFile(stateDir), 'utf8')) as { pid: number; startTime: string };
    return isDaemon(note.pid) && startTime(note.pid) === note.startTime ? note.pid : undefined;
  } catch {
    return undefined;
  }
}

function noteFile(stateDir: string): string {
  return join(stateDir, 'dockerd.json');
}

function isDaemon(pid: number): boolean {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`)).replace(' (deleted)', '') === 'dockerd';
  } catch {
    return false;
  }
}

/** Clock ticks since boot at which the process began: tells a reused pid from the process we knew. */
function startTime(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

async function answers(docker: Docker): Promise<boolean> {
  try {
    await docker.ping();
    return true;
  } catch {
    return false;
  }
}
