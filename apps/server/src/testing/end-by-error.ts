import { leaveOnErrors } from '../leave-on-errors.ts';

/** A process that would live for ever, and in which an error escapes from a timer: `exception` or `rejection`. */
leaveOnErrors(
  (error, what) => process.stdout.write(`${what}: ${(error as Error).message}\n`),
  async (exitCode) => {
    // As a stop does: other things are ended first.
    await new Promise((resolve) => setImmediate(resolve));
    process.exit(exitCode);
  },
);
setInterval(() => undefined, 1_000);
setTimeout(() => {
  const error = new Error('out of a timer');
  if (process.argv[2] === 'exception') throw error;
  void Promise.reject(error);
});
