import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorAnswer, errorBodyOf } from './error-answer.ts';

/** The edge: everything thrown below ends here and is logged here once. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #log = new Logger('http');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const answer = errorAnswer(error);
    if (answer.ours)
      this.#log.error(
        { err: error, requestId: request.id, method: request.method, route: request.routeOptions?.url },
        answer.code,
      );
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    const retryAfter = answer.data['retryAfterSeconds'];
    if (typeof retryAfter === 'number') void reply.header('retry-after', String(retryAfter));
    void reply
      .status(answer.status)
      .header('content-type', 'application/json; charset=utf-8')
      .send(errorBodyOf(answer, request.id));
  }
}
