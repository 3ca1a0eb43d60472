import { Controller, Req, Res } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import type { FastifyReply } from 'fastify';
import { Access, CurrentRunner, type SluiceRequest } from '../../platform/http/access.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { RequestsInFlight } from '../../platform/http/requests-in-flight.ts';
import { CarryOrders } from './carry-orders.ts';
import { KeepJob } from './keep-job.ts';

const api = contract.runner;

/** The part of the runner protocol that comes after the result, where a container is kept. */
@Access('runner')
@Controller()
export class RunnerDebugController {
  readonly #keep: KeepJob;
  readonly #orders: CarryOrders;
  readonly #inFlight: RequestsInFlight;
  constructor(keep: KeepJob, orders: CarryOrders, inFlight: RequestsInFlight) {
    this.#keep = keep;
    this.#orders = orders;
    this.#inFlight = inFlight;
  }

  @Implement(api.keep)
  keep(@CurrentRunner() runner: RunnerPrincipal) {
    return implement(api.keep).handler(async ({ input }) => ({ seconds: await this.#keep.keep(runner, input) }));
  }

  @Implement(api.shellOrders)
  orders(
    @CurrentRunner() runner: RunnerPrincipal,
    @Req() request: SluiceRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return implement(api.shellOrders).handler(async ({ input }) => {
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      if (request.raw.socket.destroyed) gone.abort();
      return this.#inFlight.hold(this.#orders.wait(runner, input, { ...input, gone: gone.signal }));
    });
  }

  @Implement(api.shellOutput)
  output(@CurrentRunner() runner: RunnerPrincipal) {
    return implement(api.shellOutput).handler(async ({ input }) => ({
      taken: await this.#orders.output(runner, input, input),
    }));
  }

  @Implement(api.keepEnded)
  ended(@CurrentRunner() runner: RunnerPrincipal) {
    return implement(api.keepEnded).handler(async ({ input }) => {
      await this.#keep.ended(runner, input, input.why);
      return { ok: true as const };
    });
  }
}
