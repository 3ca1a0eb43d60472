import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import Docker from 'dockerode';
import { ensureDebianPackages, programPath } from './debian-packages.ts';
import { eventually } from './eventually.ts';
import { takeFileLock, withFileLock } from './file-lock.ts';
import { tail } from './loopback-process.ts';

const SOCKET = '/var/run/docker.sock';
const PID_FILE = '/var/run/docker.pid';
/** Which dockerd is one of ours; it dies with the machine's run, as the daemon does. */
const NOTE_FILE = '/var/run/sluice-dockerd.json';
/** Held shared by every user of a daemon of ours. */
const USERS = 'dockerd-users';

export interface DockerEngineOptions {
  /** Folder for the daemon's log. */
  readonly stateDir: string;
  readonly report?: (line: string) => void;
}

export interface DockerEngine {
  readonly docker: Docker;
  /** As the DOCKER_HOST setting would spell it. */
  readonly address: string;
  readonly version: string;
  /** By this call or another one of this function: an interrupted start leaves a daemon that a later one may still end. */
  readonly startedByUs: boolean;
  /** Ends the daemon if it is one of ours and nobody else holds it: parallel test files and a demo share it. */
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
  if (named !== undefined && named !== '') {
    const docker = new Docker();
    if (await answers(docker)) return handle(docker, named);
    throw new NoContainerEngineError(
      `No container engine answers at DOCKER_HOST=${named}: start it, or unset DOCKER_HOST to use this machine's own.`,
    );
  }
  const docker = new Docker({ socketPath: SOCKET });
  const address = `unix://${SOCKET}`;
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    if (await answers(docker)) return handle(docker, address);
    throw new NoContainerEngineError(
      process.platform === 'linux'
        ? `No container engine answers at ${SOCKET}: install and start it with  sudo apt-get install -y docker.io  and let yourself use it with  sudo usermod -aG docker "$USER"`
        : 'No container engine answers: start Docker Desktop (or any engine) and set DOCKER_HOST if it is not on the usual socket.',
    );
  }
  // Before the first question, so that nobody ends the daemon between its answer and our use of it.
  const release = await takeFileLock(USERS, { mode: 'shared' });
  try {
    await withFileLock('dockerd', async () => {
      if (await answers(docker)) return;
      await ensureDebianPackages(['docker.io', 'iptables'], report === undefined ? {} : { report });
      // Installing it on a system with a service manager starts it too.
      if (!(await answers(docker))) await startDaemon(docker, stateDir, report);
    });
    return await handle(docker, address, release);
  } catch (error) {
    await release?.();
    throw error;
  }
}

async function handle(docker: Docker, address: string, release?: () => Promise<void>): Promise<DockerEngine> {
  const { Version } = await docker.version();
  let held = release;
  return {
    docker,
    address,
    version: Version,
    startedByUs: release !== undefined && ourDaemon() !== undefined,
    stop: async () => {
      const letGo = held;
      held = undefined;
      await letGo?.();
      if (letGo !== undefined) await endUnusedDaemon();
    },
  };
}

async function endUnusedDaemon(): Promise<void> {
  const alone = await takeFileLock(USERS, { wait: false });
  if (alone === undefined) return;
  try {
    const running = ourDaemon();
    if (running === undefined) return;
    process.kill(running, 'SIGTERM');
    await eventually(() => !isDaemon(running), { timeoutMs: 30_000, describe: 'dockerd to stop' });
    rmSync(NOTE_FILE, { force: true });
  } finally {
    await alone();
  }
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
    const outcome = await tryDaemon(docker, flags, logFile);
    if (outcome === 'ready') return;
    why = readFileSync(logFile, 'utf8').slice(before);
  }
  throw new NoContainerEngineError(`dockerd could not be started; its log ${logFile} ends with:\n${tail(logFile)}`);
}

async function tryDaemon(docker: Docker, flags: readonly string[], logFile: string): Promise<'ready' | 'ended'> {
  const log = openSync(logFile, 'a');
  const child = spawn(
    programPath('dockerd') ?? 'dockerd',
    ['--host', `unix://${SOCKET}`, '--pidfile', PID_FILE, ...flags],
    {
      detached: true,
      stdio: ['ignore', log, log],
    },
  );
  closeSync(log);
  let ended = false;
  child.once('error', () => (ended = true));
  child.once('exit', () => (ended = true));
  child.unref();
  try {
    await eventually(async () => ended || (await answers(docker)), {
      timeoutMs: 60_000,
      everyMs: 100,
      describe: 'dockerd to answer',
    });
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  if (ended || child.pid === undefined) return 'ended';
  writeFileSync(NOTE_FILE, JSON.stringify({ pid: child.pid, startTime: startTime(child.pid) }));
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

function ourDaemon(): number | undefined {
  try {
    const note = JSON.parse(readFileSync(NOTE_FILE, 'utf8')) as { pid: number; startTime: string };
    return isDaemon(note.pid) && startTime(note.pid) === note.startTime ? note.pid : undefined;
  } catch {
    return undefined;
  }
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
