import { buildWorkspace } from '../build-workspace.ts';

process.exitCode = await buildWorkspace(process.argv.slice(2));
