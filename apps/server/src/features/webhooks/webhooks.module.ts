import { Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { SecretsModule } from '../secrets/index.ts';
import { HookRate } from './hook-rate.ts';
import { keepRawBodies } from './keep-raw-body.ts';
import { OpenHook } from './open-hook.ts';
import { ReceiveWebhook } from './receive-webhook.ts';
import { StoreDelivery } from './store-delivery.ts';
import { WebhooksController } from './webhooks.controller.ts';

@Module({
  imports: [SecretsModule],
  controllers: [WebhooksController],
  providers: [OpenHook, HookRate, StoreDelivery, ReceiveWebhook],
})
export class WebhooksModule implements OnModuleInit {
  readonly #host: HttpAdapterHost;
  constructor(host: HttpAdapterHost) {
    this.#host = host;
  }

  onModuleInit(): void {
    keepRawBodies(this.#host.httpAdapter.getInstance<FastifyInstance>());
  }
}
