import { buildWorkspace } from '../build-workspace.ts';
import { runNode } from '../workspace.ts';

process.exitCode =
  (await buildWorkspace()) ||
  (await runNode(['--conditions=@sluice/source', 'apps/e2e/src/chaos/main.ts', ...process.argv.slice(2)]));
