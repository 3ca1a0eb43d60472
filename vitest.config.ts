import { existsSync, globSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectConfiguration } from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url));

/**
 * Tests read the libraries' TypeScript sources, so no build has to come first. Not `module`: Node itself knows no such condition, and
 * packages offer under it files for bundlers that Node cannot load.
 */
const conditions = ['@sluice/source', 'node', 'development|production'];

const workspaces = ['scripts', 'docker', ...globSync('{libs,apps}/*/package.json', { cwd: root }).map(dirname)].filter(
  (folder) => globSync(`${folder}/**/*.spec.{ts,tsx}`, { cwd: root, exclude: isIgnoredFolder }).length > 0,
);

function isIgnoredFolder(path: string): boolean {
  return /(^|\/)(node_modules|dist|dist-types|fixtures)(\/|$)/.test(path);
}

/** A workspace with a vitest.config.ts of its own keeps it; the others share this shape. */
function projectOf(folder: string): TestProjectConfiguration {
  const own = `${folder}/vitest.config.ts`;
  if (existsSync(`${root}${own}`)) return own;
  return {
    extends: true,
    root: `${root}${folder}`,
    test: { name: basename(folder), include: ['**/*.spec.{ts,tsx}'] },
  };
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: workspaces.map(projectOf),
    exclude: ['**/node_modules/**', '**/dist/**', '**/dist-types/**', '**/fixtures/**'],
    environment: 'node',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
