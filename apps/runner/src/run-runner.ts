import { hostname } from 'node:os';
import { collectWhenIdle } from '@sluice/memory';
import { readRunnerConfig } from './config.ts';
import { startRunner } from './start-runner.ts';

/** Exit codes: 0 drained, 1 could not start or ended by trouble, 2 settings. */
const [unknown] = process.argv.slice(2).filter((argument) => argument !== '--once');
if (unknown !== undefined) {
  console.error(`sluice-runner: ${unknown} is not known; the only argument is --once.`);
  process.exit(2);
}
const once = process.argv.includes('--once') ? { SLUICE_RUNNER_ONCE: 'true' } : {};
const read = readRunnerConfig({ ...process.env, ...once }, hostname());
if (!read.ok) {
  for (const problem of read.problems) console.error(`sluice-runner: ${problem}`);
  process.exit(2);
}
try {
  const runner = await startRunner(read.config);
  collectWhenIdle();
  let signals = 0;
  const onSignal = (): void => {
    signals += 1;
    if (signals === 1) runner.drain();
    else runner.cancel();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  await runner.finished;
  process.exit(0);
} catch (error) {
  console.error(`sluice-runner: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
