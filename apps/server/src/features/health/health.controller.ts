import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Access } from '../../platform/http/access.ts';
import { ReadReadiness, type Readiness } from './readiness.ts';

/** For supervisors and load balancers: words, no figures (A82). */
@Access('public')
@Controller()
export class HealthController {
  readonly #readiness: ReadReadiness;
  constructor(readiness: ReadReadiness) {
    this.#readiness = readiness;
  }

  /** The process answers; says nothing about what it needs. */
  @Get('healthz')
  alive(): { status: 'alive' } {
    return { status: 'alive' };
  }

  @Get('readyz')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<Readiness> {
    const readiness = await this.#readiness.read();
    if (!readiness.ready) void reply.status(503);
    return readiness;
  }
}
