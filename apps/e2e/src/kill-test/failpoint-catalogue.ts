import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The server's own list; programs never import each other, so it is read as the data it is. */
const CATALOGUE = 'apps/server/src/platform/failpoints/failpoints.json';

/** Names of all failpoints. */
export function readFailpoints(root: string): readonly string[] {
  return Object.keys(JSON.parse(readFileSync(join(root, CATALOGUE), 'utf8')) as Record<string, string>);
}

/** One sentence for each failpoint at which nothing was killed. */
export function neverKilledAt(all: readonly string[], killedAt: Iterable<string>): readonly string[] {
  const seen = new Set(killedAt);
  return all
    .filter((name) => !seen.has(name))
    .map((name) => `no server was killed at ${name}; add it to a chain of the kill test that passes it`);
}
