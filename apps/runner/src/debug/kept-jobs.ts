import type { KeepEnd, LeaseGrant } from '@sluice/protocol';
import type { Logger } from 'pino';
import type { Sandbox, StepsWork } from '../executor/executor.port.ts';
import type { AttemptControl } from '../job/attempt-control.ts';
import { stepEnvironment } from '../job/job-environment.ts';
import { secretsOf } from '../job/secrets-of.ts';
import type { AttemptLog } from '../log/attempt-log.ts';
import type { BackOff } from '../server/back-off.ts';
import { untilAnswered } from '../server/back-off.ts';
import type { RunnerApi } from '../server/runner-api.ts';
import { LeaseLost } from '../server/server-answer.ts';
import { RunningShell } from './run-shell.ts';

/** How long the server may take to hear that a container is gone. Later it has found out by itself: the runner asks for no orders any more. */
const LAST_WORD_MS = 60_000;
/** A runner that is told to end does not stay for it. */
const LAST_WORD_AT_END_MS = 5_000;

export interface KeepParts {
  readonly api: RunnerApi;
  readonly backOff: BackOff;
  readonly logger: Logger;
  /** Most containers at once. */
  readonly most: number;
  /** The runner takes no more work: nothing is kept beyond that. */
  readonly ending: AbortSignal;
  /** The process ends soon. */
  readonly leaving: AbortSignal;
}

/** The sandbox of a failed job in the hands of whoever keeps it. One of `keep` and `drop` is called, once. */
export interface KeptSandbox {
  /** The result is acknowledged: as long as the server says. */
  keep(): void;
  drop(): void;
  /** Everything is removed; rejects when something stays. */
  readonly gone: Promise<void>;
}

/** Containers of failed jobs that people may look into. The server grants it with the lease and says for how long; the runner only ever ends it earlier. */
export class KeptJobs {
  readonly #parts: KeepParts;
  #count = 0;

  constructor(parts: KeepParts) {
    this.#parts = parts;
  }

  /** Undefined: nobody asked, or it cannot be; then the log says why. */
  take(
    grant: LeaseGrant,
    work: StepsWork,
    sandbox: Sandbox,
    { log, control }: { readonly log: AttemptLog; readonly control: AttemptControl },
  ): KeptSandbox | undefined {
    if (grant.keep === undefined || grant.run.trust !== 'trusted' || control.lost.aborted) return undefined;
    const refusal = this.#refusal(work);
    if (refusal !== undefined) {
      log.line(`The container is not kept: ${refusal}`);
      return undefined;
    }
    const { minutes } = grant.keep;
    log.line(
      `The container is kept for at most ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}; a shell can be opened in it on the page of the run.`,
    );
    this.#count++;
    const { promise, resolve } = Promise.withResolvers<'keep' | 'drop'>();
    const gone = promise
      .then((what) => (what === 'keep' ? this.#keep(grant, work, sandbox) : sandbox.destroy()))
      .finally(() => this.#count--);
    return { keep: () => resolve('keep'), drop: () => resolve('drop'), gone };
  }

  #refusal({ image }: StepsWork): string | undefined {
    const { most, ending } = this.#parts;
    if (image === undefined) return 'the job ran on the machine of the runner itself.';
    if (ending.aborted) return 'the runner is told to end.';
    if (most === 0) return 'this runner keeps none.';
    if (this.#count >= most) return `this runner keeps ${most} already, and no more at once.`;
    return undefined;
  }

  async #keep(grant: LeaseGrant, work: StepsWork, sandbox: Sandbox): Promise<void> {
    const { logger, ending } = this.#parts;
    const over = new AbortController();
    let why: KeepEnd | undefined;
    try {
      why = await this.#untilOver(grant, work, sandbox, AbortSignal.any([over.signal, ending]));
    } catch (error) {
      // The server is told all the same, in case it only misunderstood.
      why = error instanceof LeaseLost ? undefined : 'engine';
      logger.error({ attempt: grant.attemptId, err: error }, 'the container of a failed job is not kept any longer');
    }
    over.abort();
    try {
      await sandbox.destroy();
    } finally {
      if (why !== undefined) await this.#tell(grant, why);
      logger.info({ attempt: grant.attemptId, why }, 'the container of a failed job is removed');
    }
  }

  /** Why it is over; undefined when the server need not be told. */
  async #untilOver(
    grant: LeaseGrant,
    work: StepsWork,
    sandbox: Sandbox,
    given: AbortSignal,
  ): Promise<KeepEnd | undefined> {
    const { api, backOff, logger } = this.#parts;
    let timeIsUp: AbortSignal | undefined;
    try {
      const seconds = await untilAnswered(() => api.keep(grant, given), backOff, given);
      if (seconds === 0) return undefined;
      logger.info({ attempt: grant.attemptId, seconds }, 'the container of a failed job is kept');
      timeIsUp = AbortSignal.timeout(seconds * 1000);
      const over = AbortSignal.any([given, timeIsUp]);
      const env = stepEnvironment(grant, work.env, {}, sandbox.outputFile);
      const parts = { api, lease: grant, sandbox, env, secrets: secretsOf(grant), backOff, over };
      const shells = new Map<string, RunningShell>();
      for (let after = 0; ;) {
        const answer = await untilAnswered(() => api.shellOrders(grant, after, over), backOff, over);
        if (answer.over) return 'asked';
        for (const { sequence, shellId, order } of answer.orders) {
          if (sequence <= after) continue;
          after = sequence;
          if (order.kind !== 'open') shells.get(shellId)?.carryOut(order);
          else if (!shells.has(shellId)) shells.set(shellId, new RunningShell(shellId, order, parts));
        }
      }
    } catch (error) {
      if (timeIsUp?.aborted === true) return 'time';
      if (given.aborted) return 'runner-stopped';
      throw error;
    }
  }

  async #tell(grant: LeaseGrant, why: KeepEnd): Promise<void> {
    const { api, backOff, ending, leaving, logger } = this.#parts;
    const patience = [AbortSignal.timeout(LAST_WORD_MS), someTimeAfter(ending, LAST_WORD_AT_END_MS)];
    const signal = AbortSignal.any([leaving, ...patience]);
    await untilAnswered(() => api.keepEnded(grant, why, signal), backOff, signal).catch((error: unknown) =>
      logger.warn({ attempt: grant.attemptId, err: error }, 'the server did not hear that a container is gone'),
    );
  }
}

function someTimeAfter(signal: AbortSignal, ms: number): AbortSignal {
  const later = new AbortController();
  const begin = (): void => void setTimeout(() => later.abort(), ms).unref();
  if (signal.aborted) begin();
  else signal.addEventListener('abort', begin, { once: true });
  return later.signal;
}
