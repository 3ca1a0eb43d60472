import { runNode } from '../workspace.ts';

// Needs no build: Node reads the libraries' sources.
process.exitCode = await runNode([
  '--conditions=@sluice/source',
  'libs/simulation/src/main.ts',
  ...process.argv.slice(2),
]);
