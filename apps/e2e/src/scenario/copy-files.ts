import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EXAMPLE_REGISTRY } from '@sluice/testing';
import { fillIn } from './fill-in.ts';

/** Copies text files over a work tree, with this machine's registry and the scenario's own words filled in. */
export function copyFiles(
  from: string,
  to: string,
  registryHost: string,
  values: Readonly<Record<string, string>>,
): void {
  if (!existsSync(from)) throw new Error(`The folder ${from} with files to push does not exist.`);
  for (const entry of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    const source = join(from, entry);
    const stat = statSync(source);
    if (!stat.isFile()) continue;
    const target = join(to, entry);
    mkdirSync(dirname(target), { recursive: true });
    const text = fillIn(readFileSync(source, 'utf8'), values).replaceAll(EXAMPLE_REGISTRY, registryHost);
    writeFileSync(target, text, { mode: stat.mode });
  }
}
