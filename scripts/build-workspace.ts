import { performance } from 'node:perf_hooks';
import { captureNode } from './capture-child.ts';
import { secondsSince } from './workspace.ts';

const nxSettings = { NX_DAEMON: 'false', NX_TUI: 'false', NX_NO_CLOUD: 'true', NX_ISOLATE_PLUGINS: 'false' };

/**
 * Builds everything that changed (all TypeScript in one compiler run, then the web page) and resolves with 0, or 1 when it failed.
 * Prints one line; the tools' own output only when the build fails.
 */
export async function buildWorkspace(extraArgs: readonly string[] = []): Promise<number> {
  const startedAt = performance.now();
  const args = ['node_modules/nx/dist/bin/nx.js', 'run-many', '-t', 'build', '--output-style=static', ...extraArgs];
  const { exitCode, output } = await captureNode(args, nxSettings);
  if (exitCode !== 0) process.stderr.write(output);
  console.log(`build: ${exitCode === 0 ? 'done' : 'failed, see above,'} in ${secondsSince(startedAt)}`);
  return exitCode === 0 ? 0 : 1;
}
