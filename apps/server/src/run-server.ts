import type { RunningServer } from './start-server.ts';
import { reuseCompiledCode } from './compile-cache.ts';
import { leaveOnErrors } from './leave-on-errors.ts';
import { ConfigError, readConfig } from './platform/config/config.ts';

/** Exit codes: 0 stopped, 1 could not start or ended by trouble of its own, 2 settings. */
const config = (() => {
  try {
    return readConfig(process.env, process.cwd());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
})();
reuseCompiledCode(config.dataFolder);
await import('reflect-metadata');
const { openBlobStore } = await import('./platform/blobs/open-blob-store.ts');
const { SystemClock } = await import('./platform/clock/system-clock.ts');
const { collectWhenIdle } = await import('@sluice/memory');
const { createLogger } = await import('./platform/http/pino-nest-logger.ts');
const { PlatformModule } = await import('./platform/platform.module.ts');
const { startServer } = await import('./start-server.ts');

const logger = createLogger(config.logLevel);
for (const warning of config.warnings) logger.warn(warning);

const openBlobs = () =>
  openBlobStore(config.blobs, { now: new SystemClock().now(), warn: (sentence) => logger.warn(sentence) });

let starting: Promise<RunningServer> | undefined;
let stopping = false;
const STOP_LIMIT_MS = 60_000;

async function stop(exitCode: number): Promise<void> {
  if (stopping) process.exit(exitCode || 1);
  stopping = true;
  setTimeout(() => {
    logger.fatal('The server did not stop in time.');
    process.exit(1);
  }, STOP_LIMIT_MS).unref();
  // A start under way is finished first: it knows how to undo itself.
  await (await starting?.catch(() => undefined))?.stop();
  process.exit(exitCode);
}

// A second signal ends at once.
process.on('SIGTERM', () => void stop(0)).on('SIGINT', () => void stop(0));
leaveOnErrors((error, what) => logger.fatal({ err: error }, what), stop);

try {
  starting = startServer({ config, logger, platform: PlatformModule.forRoot(config, openBlobs) });
  const server = await starting;
  collectWhenIdle();
  process.stdout.write(`Sluice is ready at ${server.publicUrl}\n`);
  if (server.setupLink !== undefined)
    process.stdout.write(
      `Nobody has signed up yet. Create the first admin with this one-time link:\n  ${server.setupLink}\n`,
    );
} catch (error) {
  logger.debug({ err: error }, 'the start failed');
  process.stderr.write(`Sluice could not start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
