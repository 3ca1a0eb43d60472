import type { AddressInfo } from 'node:net';
import type { DynamicModule } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { createApp } from './create-app.ts';
import { EmbeddedRunner } from './embedded-runner.ts';
import { LoadPipelines, Pools, RegistrationTokens } from './features/catalog/index.ts';
import { SetupLink } from './features/identity/index.ts';
import type { Config } from './platform/config/config.ts';
import { PinoNestLogger } from './platform/http/pino-nest-logger.ts';
import { PublicOrigin } from './platform/http/public-origin.ts';

export interface RunningServer {
  /** Where people open it. */
  readonly publicUrl: string;
  /** Full one-time address, while nobody has signed up. */
  readonly setupLink: string | undefined;
  /** Ends everything in order: runner, leasing and streams, requests, workers, pools, and the embedded database last (P10, F46). */
  stop(): Promise<void>;
}

export interface StartServerParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly platform: DynamicModule;
}

/** Platform (claim, database, schema, queue), application, pipelines folder, open port, runner: each needs the one before. */
export async function startServer({ config, logger, platform }: StartServerParts): Promise<RunningServer> {
  const app = await createApp({ config, platform, logger: new PinoNestLogger(logger) });
  try {
    await app.get(LoadPipelines).load();
    await app.listen(config.port, config.host).catch((cause: unknown) => {
      throw notListening(config, cause);
    });
    const origin = app.get(PublicOrigin);
    const { port } = app.getHttpServer().address() as AddressInfo;
    if (config.publicUrl === null) origin.set(`http://localhost:${port}`);
    const setupPath = await app.get(SetupLink).renew();
    const runner = config.runner === 'embedded' ? startRunner(config, logger, app, port) : undefined;
    return {
      publicUrl: origin.value,
      setupLink: setupPath === undefined ? undefined : origin.value + setupPath,
      stop: async () => {
        await runner?.stop();
        await app.close();
      },
    };
  } catch (error) {
    await app.close().catch((trouble: unknown) => logger.error({ err: trouble }, 'the server did not stop cleanly'));
    throw error;
  }
}

function startRunner(config: Config, logger: Logger, app: NestFastifyApplication, port: number): EmbeddedRunner {
  const registrationToken = async () =>
    app.get(RegistrationTokens).issueForEmbedded(await app.get(Pools).ensureDefault());
  const host = ['0.0.0.0', '::', 'localhost'].includes(config.host) ? '127.0.0.1' : config.host;
  const serverUrl = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const runner = new EmbeddedRunner({ config, logger, serverUrl, registrationToken });
  runner.start();
  return runner;
}

/** What the system says of an address in its own words, with what to do about it. */
function notListening({ port, host }: Config, cause: unknown): Error {
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  const remedies: Record<string, string> = {
    EADDRINUSE: `Port ${port} of ${host} is taken: stop what listens there, or set PORT to another one.`,
    EACCES: `Port ${port} may not be opened by this user: set PORT to one above 1023, or put a proxy in front.`,
    EADDRNOTAVAIL: `${host} is no address of this machine: set HOST to one of its own, such as 127.0.0.1 or 0.0.0.0.`,
    ENOTFOUND: `The name ${host} has no address: set HOST to an address of this machine, such as 127.0.0.1 or 0.0.0.0.`,
  };
  return new Error(remedies[code] ?? `The server cannot listen on ${host}, port ${port}: ${String(cause)}.`, { cause });
}
