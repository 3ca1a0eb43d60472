import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import type { World } from '../world/world.ts';
import type { BenchService } from './bench-service.ts';

/** Runs a script with these arguments as `$1` and so on. */
export const sh = (script: string, args: readonly string[]) => execa('sh', ['-e', '-c', script, 'sh', ...args]);
export const newTree = (world: World) => mkdtempSync(join(world.folder, 'bench-tree-'));

/** As the server and the runner have them: made once. */
export async function bareMirrors(world: World, { slug }: BenchService): Promise<[string, string]> {
  const url = world.gitHost.repositoryUrl(slug);
  const mirrors: [string, string] = [newTree(world), newTree(world)];
  for (const mirror of mirrors) {
    await execa('git', ['init', '-q', '--bare', mirror]);
    await execa('git', ['-C', mirror, 'fetch', '-q', '--no-tags', url, '+refs/heads/*:refs/heads/*']);
  }
  return mirrors;
}
