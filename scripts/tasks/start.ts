import { buildWorkspace } from '../build-workspace.ts';
import { runNode } from '../workspace.ts';

process.exitCode = (await buildWorkspace()) || (await runServer());

async function runServer(): Promise<number> {
  // There once it is built.
  const { ALLOCATOR_SETTINGS } = await import('@sluice/memory');
  return runNode(['apps/server/dist/main.js', ...process.argv.slice(2)], ALLOCATOR_SETTINGS);
}
