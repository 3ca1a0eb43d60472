import { setFlagsFromString } from 'node:v8';

// A process that mostly waits gains nothing from a large young generation: V8 lets it grow to 2 x 16 MiB while the modules
// load, and keeps it. So this comes before anything else is loaded.
setFlagsFromString('--semi-space-growth-factor=1');

await import('./run-server.ts');
