import { cpSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The registry's address as the files below `examples/` spell it. */
export const EXAMPLE_REGISTRY = 'registry.localhost:5000';

/**
 * Copies an example service into a work tree, with the registry of this machine in place of the written one
 * (in `sluice.yaml` and `Dockerfile`, the only files that name it).
 */
export function copyExample(from: string, to: string, registryHost: string): void {
  if (!/^[a-z0-9.-]+(:\d+)?$/i.test(registryHost))
    throw new TypeError(`${JSON.stringify(registryHost)} is no registry address: write host or host:port`);
  cpSync(from, to, { recursive: true, filter: (path) => !/(^|\/)(__pycache__|reports|node_modules)$/.test(path) });
  for (const name of readdirSync(to)) {
    const path = join(to, name);
    if (!['sluice.yaml', 'Dockerfile'].includes(name) || !statSync(path).isFile()) continue;
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(EXAMPLE_REGISTRY, registryHost));
  }
}
