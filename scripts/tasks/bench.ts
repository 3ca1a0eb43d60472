import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildWorkspace } from '../build-workspace.ts';
import { runNode, workspaceRoot } from '../workspace.ts';

const program = 'apps/e2e/src/bench/main.ts';

if (existsSync(join(workspaceRoot, program))) {
  process.exitCode =
    (await buildWorkspace()) || (await runNode(['--conditions=@sluice/source', program, ...process.argv.slice(2)]));
} else {
  console.error(`bench: there is nothing to measure with, because ${program} does not exist yet.`);
  process.exitCode = 1;
}
