import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { copyExample, WorkTree } from '@sluice/testing';
import type { DemoFolder } from './demo-folder.ts';

const AUTHOR = { name: 'Dana Okafor', email: 'dana@shop.example' };

export interface Pushed {
  readonly service: string;
  readonly commit: string;
  /** What git and the host's hook printed. */
  readonly output: string;
}

export interface PushPlace {
  readonly registryHost: string;
  /** With the developer's password inside. */
  readonly pushUrl: string;
}

/** The first commit is the example itself; a later one adds a line to its change log. A real `git push` over HTTP either way. */
export async function pushExample(
  root: string,
  folder: DemoFolder,
  place: PushPlace,
  service: string,
): Promise<Pushed> {
  const tree = new WorkTree(folder.file('work', service), AUTHOR);
  const first = !existsSync(join(tree.folder, '.git'));
  if (first) {
    await tree.init();
    copyExample(join(root, 'examples', service), tree.folder, place.registryHost);
  } else {
    appendFileSync(join(tree.folder, 'CHANGES.md'), `- ${new Date().toISOString()}: released once more\n`);
  }
  const commit = await tree.commitAll(first ? `Add the ${service} service` : `Release ${service} once more`);
  const output = await tree.push(place.pushUrl);
  return { service, commit, output };
}

export function isPushed(folder: DemoFolder, service: string): boolean {
  return existsSync(folder.file('work', service, '.git'));
}
