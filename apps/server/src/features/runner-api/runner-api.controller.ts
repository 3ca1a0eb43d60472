import { Controller, Req, Res } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract, type LeaseGrant } from '@sluice/protocol';
import type { FastifyReply } from 'fastify';
import { Access, CurrentRunner, type SluiceRequest } from '../../platform/http/access.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { RequestsInFlight } from '../../platform/http/requests-in-flight.ts';
import { StoreJunitReport } from '../artifacts/index.ts';
import { AnswerPoll } from '../dispatch/index.ts';
import { AcceptResult } from './accept-result.ts';
import { HoldLease } from './hold-lease.ts';
import { RegisterRunner, requireProtocol } from './register-runner.ts';
import { ResumeLease } from './resume-lease.ts';

const api = contract.runner;
const OK = { ok: true } as const;

/** The runner protocol (libs/protocol/src/runner.ts). */
@Access('runner')
@Controller()
export class RunnerApiController {
  readonly #register: RegisterRunner;
  readonly #polls: AnswerPoll;
  readonly #leases: HoldLease;
  readonly #results: AcceptResult;
  readonly #reports: StoreJunitReport;
  readonly #inFlight: RequestsInFlight;
  readonly #resume: ResumeLease;
  constructor(
    register: RegisterRunner,
    polls: AnswerPoll,
    leases: HoldLease,
    results: AcceptResult,
    reports: StoreJunitReport,
    inFlight: RequestsInFlight,
    resume: ResumeLease,
  ) {
    this.#resume = resume;
    this.#register = register;
    this.#polls = polls;
    this.#leases = leases;
    this.#results = results;
    this.#reports = reports;
    this.#inFlight = inFlight;
  }

  @Access('public')
  @Implement(api.register)
  register() {
    return implement(api.register).handler(({ input }) => this.#register.register(input));
  }

  @Implement(api.poll)
  poll(
    @CurrentRunner() runner: RunnerPrincipal,
    @Req() request: SluiceRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return implement(api.poll).handler(async ({ input }) => {
      requireProtocol(input.protocol);
      const gone = new AbortController();
      let lease: LeaseGrant | null = null;
      reply.raw.once('close', () => {
        gone.abort();
        if (lease !== null && !reply.raw.writableFinished)
          void this.#inFlight.hold(this.#polls.notDelivered(runner, lease)).catch(() => undefined);
      });
      // Not `request.raw.destroyed`: that is true as soon as the body has been read.
      if (request.raw.socket.destroyed) gone.abort();
      lease = await this.#inFlight.hold(this.#polls.answer(runner, input, gone.signal));
      if (lease !== null && gone.signal.aborted) await this.#inFlight.hold(this.#polls.notDelivered(runner, lease));
      return { lease };
    });
  }

  @Implement(api.start)
  start(@CurrentRunner() runner: RunnerPrincipal) {
    return implement(api.start).handler(async ({ input }) => {
      await this.#leases.start(runner, input);
      return OK;
    });
  }

  @Implement(api.renew)
  renew(@CurrentRunner() runner: RunnerPrincipal) {
    return implement(api.renew).handler(({ input }) => this.#leases.renew(runner, input));
  }

  @Implement(api.resume)
  resume(@CurrentRunner() runner: RunnerPrincipal) {
    return implement(api.resume).handler(async ({ input }) => ({ lease: await this.#resume.resume(runner, input) }));
  }

  @Implement(api.steps)
  steps(@CurrentRunner() runner: RunnerPrincipal) {
    return implement(api.steps).handler(async ({ input }) => {
      await this.#leases.reportSteps(runner, input, input.steps);
      return OK;
    });
  }

  @Implement(api.report)
  report(@CurrentRunner() runner: RunnerPrincipal) {
    return implement(api.report).handler(({ input }) => this.#reports.store(runner, input));
  }

  @Implement(api.result)
  result(@CurrentRunner() runner: RunnerPrincipal) {
    return implement(api.result).handler(async ({ input }) => {
      await this.#results.accept(runner, input, input.result);
      return OK;
    });
  }
}
