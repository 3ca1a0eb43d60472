import { Inject, Injectable } from '@nestjs/common';
import type { LeaseGrant } from '@sluice/protocol';
import { Clock } from '../../platform/clock/clock.port.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { lockAttempt } from './attempt-lease.ts';
import { BuildLease } from './build-lease.ts';
import { EndAttempt } from './end-attempt.ts';
import { PollForLease, type PollRequest } from './poll-for-lease.ts';
import { ReturnLease, type HeldLease } from './return-lease.ts';
import type { Reason } from '@sluice/engine';

/** A poll with the whole lease in its answer. Jobs that no runner could carry out end here and never reach one. */
@Injectable()
export class AnswerPoll {
  readonly #polls: PollForLease;
  readonly #build: BuildLease;
  readonly #returnLease: ReturnLease;
  readonly #endAttempt: EndAttempt;
  readonly #transactions: Transactions;
  readonly #clock: Clock;

  constructor(
    polls: PollForLease,
    build: BuildLease,
    returnLease: ReturnLease,
    endAttempt: EndAttempt,
    transactions: Transactions,
    @Inject(Clock) clock: Clock,
  ) {
    this.#polls = polls;
    this.#build = build;
    this.#returnLease = returnLease;
    this.#endAttempt = endAttempt;
    this.#transactions = transactions;
    this.#clock = clock;
  }

  async answer(runner: RunnerPrincipal, request: PollRequest, gone: AbortSignal): Promise<LeaseGrant | null> {
    const deadline = this.#clock.now().getTime() + request.waitSeconds * 1_000;
    for (;;) {
      const waitSeconds = Math.max(0, (deadline - this.#clock.now().getTime()) / 1_000);
      const held = await this.#polls.poll(runner, { ...request, waitSeconds }, gone);
      if (!held) return null;
      const built = await this.#build.build(held).catch(async (error: unknown) => {
        await this.#returnLease.return(held);
        throw error;
      });
      if (built.kind === 'lease') return built.lease;
      if (built.kind === 'refused') await this.#refuse(held, built.reason);
      if (gone.aborted) return null;
    }
  }

  /** For an answer that could not be written: the lease goes back at once. */
  async notDelivered(runner: RunnerPrincipal, lease: LeaseGrant): Promise<void> {
    await this.#returnLease.return({ attemptId: lease.attemptId, epoch: lease.epoch, runnerId: runner.runnerId });
  }

  async #refuse({ attemptId, epoch, runnerId }: HeldLease, reason: Reason): Promise<void> {
    await this.#transactions.run(async (unit) => {
      const locked = await lockAttempt(unit, attemptId);
      if (locked?.row.status !== 'running' || locked.row.epoch !== epoch || locked.row.runner_id !== runnerId) return;
      await this.#endAttempt.end(unit, locked, { outcome: 'errored', reason });
    });
  }
}
