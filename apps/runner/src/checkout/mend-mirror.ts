import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { endGitIn, git } from '@sluice/git';
import type { GitCall, GitOutcome } from '@sluice/git';

/** What a git that was killed leaves: locks, packs and objects that it had not finished, the mark of a pack that it still needed. */
const LEFT_BEHIND = /(\.lock|\.keep|^gc\.pid|^\.?tmp[-_].*|^packed-refs\.new)$/;
/** fsck's first bit stands for what people have committed, such as a date that is none; no mirror is the better for being made anew. */
const ODD_CONTENT = 1;

/**
 * Removes what a killed git left in the mirror, and returns the names. For the holder of the mirror only, who has no git at work that
 * writes to it; with `earlier`, one that a killed runner left running is ended first.
 */
export async function removeLeftovers(mirror: string, { earlier }: { readonly earlier: boolean }): Promise<string[]> {
  if (earlier) await endGitIn(mirror);
  const entries = await readdir(mirror, { recursive: true, withFileTypes: true });
  const left = entries.filter((entry) => entry.isFile() && LEFT_BEHIND.test(entry.name));
  await Promise.all(left.map((entry) => rm(join(entry.parentPath, entry.name), { force: true })));
  return left.map(({ name }) => name);
}

/** Whether git itself finds the mirror's own files broken. Reads all of it: only for one that has given cause for doubt. */
export async function isBroken(call: GitCall): Promise<boolean> {
  const found = await git(['fsck', '--no-dangling', '--no-progress'], call);
  return (found.exitCode & ~ODD_CONTENT) !== 0 && complains(found);
}

/** Whether git itself says no: one that the system killed, for its memory perhaps, has said nothing of the mirror. */
export function complains({ exitCode, stderr }: GitOutcome): boolean {
  return exitCode !== 0 && (exitCode < 128 || /^(fatal|error): /m.test(stderr));
}

/** git's own words; addresses in them hold no credential, since those with one are refused. */
export function lastLines(text: string): string {
  const lines = text.trim().split('\n').slice(-3).join(' ').trim();
  return lines === '' ? 'git gave no reason' : lines;
}
