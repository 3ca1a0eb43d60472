import { runNode } from '../workspace.ts';

// Needs no build: Node reads the sources.
process.exitCode = await runNode([
  '--conditions=@sluice/source',
  'apps/server/src/testing/seed/main.ts',
  ...process.argv.slice(2),
]);
