import { setFlagsFromString } from 'node:v8';

// A process that mostly waits gains nothing from a large young generation: V8 grows it to 2 x 16 MiB on the first burst
// and keeps it. Imported first, before anything allocates.
setFlagsFromString('--semi-space-growth-factor=1');
