import type { AttemptResult, LeaseGrant } from '@sluice/protocol';
import type { AttemptLog } from '../log/attempt-log.ts';
import type { LogSpool } from '../log/log-spool.ts';
import { uploadLog } from '../log/upload-log.ts';
import type { AttemptFolder } from '../result/attempt-folder.ts';
import { deliverResult } from '../result/deliver-result.ts';
import type { Delivery } from '../result/deliver-result.ts';
import { untilAnswered } from '../server/back-off.ts';
import type { LeaseKey } from '../server/runner-api.ts';
import { LeaseLost } from '../server/server-answer.ts';
import type { AttemptControl } from './attempt-control.ts';
import { stoppedOutcome } from './attempt-outcome.ts';
import type { JobParts, WorkOutcome, WorkParts } from './job-parts.ts';

/** What of an attempt lies on the disk, open. */
export interface OpenAttempt {
  readonly folder: AttemptFolder;
  readonly spool: LogSpool;
  readonly log: AttemptLog;
}

/** `cleaned`: nothing of it is left in the engine. `isKept`: that may take a while, since a person asked for its container. */
export interface EndedJob {
  readonly cleaned: Promise<void>;
  readonly isKept?: boolean;
}

/** Does the work of an attempt while its log goes out, within its time, then saves and reports the result. */
export async function carryOut(
  grant: LeaseGrant,
  { folder, spool, log }: OpenAttempt,
  secondsLeft: number,
  parts: JobParts,
  control: AttemptControl,
  doWork: (parts: WorkParts) => Promise<WorkOutcome>,
): Promise<EndedJob> {
  const { api, workDir, backOff, logger, leaving } = parts;
  const lease = { attemptId: grant.attemptId, epoch: grant.epoch };
  const unheard = AbortSignal.any([control.lost, leaving]);
  const guarded = (work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => {
      if (error instanceof LeaseLost) control.stop('lease-lost');
      if (!control.lost.aborted) throw error;
    });
  const started = guarded(untilAnswered(() => api.start(lease, unheard), backOff, unheard));
  const logSent = guarded(
    uploadLog({
      api,
      lease,
      spool,
      from: grant.log.length,
      backOff,
      signal: unheard,
      onGivenUp: (why) => logger.error({ attempt: lease.attemptId }, `the rest of the log stays here: ${why}`),
    }),
  );
  // Both are awaited below; until then a failure must not count as unhandled.
  for (const early of [started, logSent]) early.catch(() => undefined);

  const timer = setTimeout(() => control.stop('timeout'), secondsLeft * 1000);
  const work = await doWork({ ...parts, folder, log, control });
  clearTimeout(timer);
  let delivery: Delivery | undefined;
  try {
    const sealed = await log.close();
    if (!control.lost.aborted) {
      // A job that passed while its log was lost did not pass (F41).
      const ending =
        log.failure === undefined || work.outcome === 'failed'
          ? work
          : { ...work, ...stoppedOutcome('runner-disk-full', 0) };
      const result = toResult(ending, sealed);
      await folder.saveResult(result);
      await started;
      delivery = await deliverResult({ api, folder, result, backOff, signal: leaving, lost: control.lost, logSent });
      if (typeof delivery === 'object')
        logger.error({ attempt: lease.attemptId }, `the server refused the result: ${delivery.refused}`);
      else
        logger.info(
          { attempt: lease.attemptId, outcome: result.outcome, reason: result.reason?.code },
          delivery === 'acknowledged' ? 'attempt ended' : 'result not wanted any more',
        );
    }
  } catch (error) {
    // What is saved is sent again at the next start.
    if (!control.lost.aborted)
      logger.error({ attempt: lease.attemptId, err: error }, 'the result could not be reported');
  } finally {
    if (delivery === 'acknowledged') work.kept?.keep();
    else work.kept?.drop();
    await spool.dispose();
    if (control.lost.aborted && delivery !== 'acknowledged') {
      logger.warn({ attempt: lease.attemptId }, 'the lease is lost: nothing more of this attempt is sent');
      await folder.discard();
    }
    workDir.refillReserve();
  }
  return { cleaned: work.cleaned, isKept: delivery === 'acknowledged' && work.kept !== undefined };
}

/** What a spool calls when the disk takes no more: the room kept back is given to the result. */
export function onFullDisk(
  { attemptId }: LeaseKey,
  { workDir, logger }: JobParts,
  control: AttemptControl,
): (error: Error) => void {
  return (error) => {
    logger.error({ attempt: attemptId }, `the log cannot be written: ${error.message}`);
    workDir.releaseReserve();
    control.stop('runner-disk-full');
  };
}

function toResult(
  { outcome, reason, exitCode, steps, image, outputs, generated }: WorkOutcome,
  log: AttemptResult['log'],
): AttemptResult {
  return {
    outcome,
    steps,
    log,
    ...(reason === undefined ? {} : { reason }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(image === undefined ? {} : { image }),
    ...(outputs === undefined ? {} : { outputs: { ...outputs } }),
    ...(generated === undefined || outcome !== 'passed' ? {} : { generated }),
  };
}
