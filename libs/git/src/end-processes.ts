import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const LOOK_AGAIN_MS = 10;
/** One that is stuck in the kernel for longer runs none of its own code any more: SIGKILL is what it meets first. */
const LONGEST_DYING_MS = 5000;

/** SIGKILL to a process group that this process began; resolves when none of it lives. */
export async function endGroup(group: number | undefined): Promise<void> {
  if (group === undefined) return;
  await untilEnded(() => (kill(-group) && groupLives(group) ? [group] : []));
}

/**
 * SIGKILL to every git that works in the folder, which an earlier process may have left running when it was killed itself. Elsewhere than
 * on Linux none is found.
 */
export async function endGitIn(folder: string): Promise<void> {
  const path = realpathSync(folder);
  await untilEnded(() => {
    const left = livePids().filter((pid) => linkOf(pid, 'cwd') === path && /^git\b/.test(readProc(pid, 'comm') ?? ''));
    for (const pid of left) kill(pid);
    return left;
  });
}

async function untilEnded(endWhatIsLeft: () => readonly number[]): Promise<void> {
  const deadline = performance.now() + LONGEST_DYING_MS;
  while (endWhatIsLeft().length > 0 && performance.now() < deadline) await pause(LOOK_AGAIN_MS);
}

/** The dead that nobody buries, as in a container without an init, are still members of their group. */
function groupLives(group: number): boolean {
  if (!existsSync('/proc/self/stat')) return true;
  return livePids().some((pid) => Number(fieldsOf(pid)[2]) === group);
}

function livePids(): number[] {
  if (!existsSync('/proc/self/stat')) return [];
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isSafeInteger(pid) && !['', 'Z', 'X'].includes(fieldsOf(pid)[0] ?? ''));
}

/** State, parent, group ... : behind the name of the program, which may hold anything. */
function fieldsOf(pid: number): string[] {
  const stat = readProc(pid, 'stat') ?? '';
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return undefined;
  }
}

function linkOf(pid: number, name: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch {
    return undefined;
  }
}

/** False: there is nothing any more to kill. */
function kill(target: number): boolean {
  try {
    process.kill(target, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}
