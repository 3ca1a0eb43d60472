import { fileURLToPath } from 'node:url';
import { build } from 'vite';

export const testBuild = fileURLToPath(new URL('../test-results/dist', import.meta.url));

/** The browser tests look at what is shipped: the production build, once for all of them. */
export async function setup(): Promise<void> {
  await build({
    root: fileURLToPath(new URL('..', import.meta.url)),
    configFile: fileURLToPath(new URL('../vite.config.ts', import.meta.url)),
    logLevel: 'error',
    build: { outDir: testBuild, emptyOutDir: true },
  });
}
