import { Module, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { Outbox, OutboxHandlers } from '../../platform/outbox/outbox.ts';
import { SecretsModule } from '../secrets/index.ts';
import { HookRate } from './hook-rate.ts';
import { HookTraffic } from './hook-traffic.ts';
import { keepRawBodies } from './keep-raw-body.ts';
import { OpenHook } from './open-hook.ts';
import { ReceiveWebhook } from './receive-webhook.ts';
import { StoreDelivery } from './store-delivery.ts';
import { WebhooksController } from './webhooks.controller.ts';

@Module({
  imports: [SecretsModule],
  controllers: [WebhooksController],
  providers: [
    OpenHook,
    HookRate,
    { provide: HookTraffic, useFactory: (outbox: Outbox) => new HookTraffic(() => outbox.wake()), inject: [Outbox] },
    StoreDelivery,
    ReceiveWebhook,
  ],
})
export class WebhooksModule implements OnModuleInit, OnModuleDestroy {
  readonly #host: HttpAdapterHost;
  readonly #traffic: HookTraffic;
  constructor(host: HttpAdapterHost, traffic: HookTraffic, handlers: OutboxHandlers) {
    this.#host = host;
    this.#traffic = traffic;
    handlers.limit('plan-delivery', () => traffic.placesForPlanning());
  }

  onModuleInit(): void {
    keepRawBodies(this.#host.httpAdapter.getInstance<FastifyInstance>());
  }

  onModuleDestroy(): void {
    this.#traffic.stop();
  }
}
