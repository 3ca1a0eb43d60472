import { buildWorkspace } from '../build-workspace.ts';
import { runNode } from '../workspace.ts';

process.exitCode = (await buildWorkspace()) || (await runNode(['apps/server/dist/main.js', ...process.argv.slice(2)]));
