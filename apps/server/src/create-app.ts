import { RequestMethod, type DynamicModule, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { API_PREFIX } from '@sluice/protocol';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { AppModule } from './app.module.ts';
import type { Config } from './platform/config/config.ts';
import { createFastifyAdapter } from './platform/http/fastify-server.ts';
import { PublicOrigin } from './platform/http/public-origin.ts';
import { RequestsInFlight } from './platform/http/requests-in-flight.ts';
import { serveWebPages } from './platform/http/web-pages.ts';

/** Addresses that are given in full; everything else is relative to the API's prefix, as in the contract. */
const OWN_PATHS = ['hooks', 'hooks/*path', 'healthz', 'readyz', 'metrics', 'api/*path'];

export interface CreateAppOptions {
  readonly config: Config;
  readonly platform: DynamicModule;
  readonly logger: LoggerService | false;
  /** Hears of every route as it is registered. */
  readonly onRoute?: (route: RouteOptions) => void;
}

/** The whole server, ready to listen; no job runs and no address is open yet. */
export async function createApp({
  config,
  platform,
  logger,
  onRoute,
}: CreateAppOptions): Promise<NestFastifyApplication> {
  const origin = new PublicOrigin(config.publicUrl ?? 'http://localhost');
  const inFlight = new RequestsInFlight();
  const adapter = createFastifyAdapter(origin.value, inFlight, config.trustedProxies);
  const instance = adapter.getInstance() as unknown as FastifyInstance;
  if (onRoute) instance.addHook('onRoute', onRoute);
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.forRoot({ platform, origin, inFlight }),
    adapter,
    {
      rawBody: true,
      logger,
      abortOnError: false,
    },
  );
  app.setGlobalPrefix(API_PREFIX, { exclude: OWN_PATHS.map((path) => ({ path, method: RequestMethod.ALL })) });
  await serveWebPages(instance, config.webFolder);
  return app;
}
