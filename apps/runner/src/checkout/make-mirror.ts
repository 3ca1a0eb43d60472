import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { git } from '@sluice/git';
import type { GitCall } from '@sluice/git';
import { ExecutorTrouble } from '../executor/executor.port.ts';
import { lastLines } from './mend-mirror.ts';

/** A checkout knows no export rules, so the tree that a job sees must not either. */
const ATTRIBUTES = '* -export-ignore -export-subst\n';

/** Whether it is there with all that `makeMirror` puts there: one that was made half would show jobs another tree. */
export function isWhole(mirror: string): boolean {
  const attributes = attributesOf(mirror);
  return existsSync(join(mirror, 'HEAD')) && existsSync(attributes) && readFileSync(attributes, 'utf8') === ATTRIBUTES;
}

/**
 * An empty bare repository in the place of what may be there: made beside it, so it is there whole or not at all. Throws
 * `ExecutorTrouble('checkout')`.
 */
export async function makeMirror(mirror: string, home: string, call: Omit<GitCall, 'cwd'>): Promise<void> {
  try {
    await replace(mirror, home, call);
  } catch (cause) {
    if (call.signal.aborted) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ExecutorTrouble('checkout', `The mirror ${mirror} could not be made: ${why}`, { cause });
  }
}

async function replace(mirror: string, home: string, call: Omit<GitCall, 'cwd'>): Promise<void> {
  const made = `${mirror}.new`;
  await rm(made, { recursive: true, force: true });
  mkdirSync(join(home, 'ssh'), { recursive: true, mode: 0o700 });
  const { exitCode, stderr } = await git(['init', '--quiet', '--bare', '--template=', '--', made], {
    ...call,
    cwd: home,
  });
  if (exitCode !== 0) throw new Error(lastLines(stderr));
  mkdirSync(join(made, 'info'), { recursive: true });
  writeFileSync(attributesOf(made), ATTRIBUTES, { flush: true });
  await setAside(mirror);
  await rename(made, mirror);
}

/** Jobs that read it just now can go on: it is removed with the next one, or after the next start of the runner. */
async function setAside(mirror: string): Promise<void> {
  await removeSetAside(mirror);
  if (existsSync(mirror)) await rename(mirror, asideOf(mirror));
}

export async function removeSetAside(mirror: string): Promise<void> {
  await rm(asideOf(mirror), { recursive: true, force: true });
}

function attributesOf(mirror: string): string {
  return join(mirror, 'info', 'attributes');
}

function asideOf(mirror: string): string {
  return `${mirror}.old`;
}
