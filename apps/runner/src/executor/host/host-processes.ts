import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';

/** In the environment of every process of an attempt, and so of those that these start: how they are found again. */
export const ATTEMPT_VARIABLE = 'SLUICE_HOST_ATTEMPT';

const LOOK_AGAIN_MS = 20;
const LONGEST_DYING_MS = 5000;
/** Processes that are looked at in one go: each costs some 50 microseconds, and a machine may have thousands. */
const AT_ONCE = 32;

interface HostProcess {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Value of {@link ATTEMPT_VARIABLE}. */
  readonly mark: string | undefined;
}

/**
 * The processes of attempts by their marks: whatever carries the mark, shares the session of one that does (a step begins one of its own),
 * or was started by one of these and is still its child. Only what gave up all three, on purpose, is not found.
 */
export async function findMarked(isWanted: (mark: string) => boolean): Promise<HostProcess[]> {
  const all = await listProcesses();
  const found = new Set(all.filter(({ mark }) => mark !== undefined && isWanted(mark)));
  const sessions = new Set([...found].map(({ session }) => session));
  for (let before = -1; before < found.size;) {
    before = found.size;
    const pids = new Set([...found].map(({ pid }) => pid));
    for (const one of all) if (sessions.has(one.session) || pids.has(one.parent)) found.add(one);
  }
  return [...found];
}

/** Whether a process still is the one that carried the mark. */
export function isMarked(pid: number, mark: string): boolean {
  return markOf(pid) === mark;
}

/** SIGTERM, to whole groups, so that nothing that is started meanwhile is missed. */
export async function askToEnd(isWanted: (mark: string) => boolean): Promise<void> {
  for (const group of new Set((await findMarked(isWanted)).map((one) => one.group))) send(-group, 'SIGTERM');
}

/** SIGKILL, again and again until a look finds none. Returns how many do not die. */
export async function endMarked(isWanted: (mark: string) => boolean): Promise<number> {
  const deadline = performance.now() + LONGEST_DYING_MS;
  for (;;) {
    const left = await findMarked(isWanted);
    if (left.length === 0 || performance.now() > deadline) return left.length;
    for (const { pid } of left) send(pid, 'SIGKILL');
    await pause(LOOK_AGAIN_MS);
  }
}

function send(target: number, signal: NodeJS.Signals): void {
  try {
    process.kill(target, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Gone meanwhile; or, after setuid, not ours to end: then it stays and is counted.
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

/** Without those that are dead and only wait to be buried. */
async function listProcesses(): Promise<HostProcess[]> {
  const found: HostProcess[] = [];
  let looks = 0;
  // Elsewhere than on Linux no job runs without a container.
  for (const name of existsSync('/proc/self') ? readdirSync('/proc') : []) {
    const pid = Number(name);
    if (!Number.isSafeInteger(pid)) continue;
    looks += 1;
    if (looks % AT_ONCE === 0) await breathe();
    const stat = readProc(pid, 'stat');
    // The name of the program may hold anything, also spaces and brackets.
    const [state = '', ...numbers] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
    const [parent = 0, group = 0, session = 0] = numbers.slice(0, 3).map(Number);
    // 0: of another namespace or the kernel; as a target of a signal it would mean ourselves.
    if (state === '' || state === 'Z' || state === 'X' || group === 0 || session === 0) continue;
    found.push({ pid, parent, group, session, mark: markOf(pid) });
  }
  return found;
}

function markOf(pid: number): string | undefined {
  const environment = readProc(pid, 'environ') ?? '';
  const start = `\0${environment}`.indexOf(`\0${ATTEMPT_VARIABLE}=`);
  return start === -1 ? undefined : environment.slice(start + ATTEMPT_VARIABLE.length + 1).split('\0', 1)[0];
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    // It has ended, or it is another user's.
    return undefined;
  }
}
