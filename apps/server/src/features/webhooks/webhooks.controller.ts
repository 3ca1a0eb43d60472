import { Controller, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Access, type SluiceRequest } from '../../platform/http/access.ts';
import { sentContentType } from './keep-raw-body.ts';
import { ReceiveWebhook, type HookAnswer } from './receive-webhook.ts';

/** Public: the signature is the credential. */
@Controller('hooks')
@Access('public')
export class WebhooksController {
  readonly #receive: ReceiveWebhook;
  constructor(receive: ReceiveWebhook) {
    this.#receive = receive;
  }

  @Post(':hookId')
  async receive(
    @Param('hookId') hookId: string,
    @Req() request: SluiceRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<HookAnswer['body']> {
    const answer = await this.#receive.receive({
      hookId,
      body: Buffer.isBuffer(request.body) ? request.body : null,
      contentType: sentContentType(request.raw),
      headers: request.headers,
      address: request.ip,
    });
    void reply.status(answer.status);
    return answer.body;
  }
}
