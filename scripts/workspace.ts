import { fileURLToPath } from 'node:url';
import { runChild } from './run-child.mjs';

/** Absolute path of the workspace, without a trailing slash. */
export const workspaceRoot = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

/** Runs a JavaScript or TypeScript program of the workspace with the pinned Node; resolves with its exit code. */
export function runNode(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<number> {
  return runChild(process.execPath, args, { cwd: workspaceRoot, env: { ...process.env, ...env } });
}

/** Seconds since `startedAt` (milliseconds of performance.now()), as "1.2 s". */
export function secondsSince(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
}
