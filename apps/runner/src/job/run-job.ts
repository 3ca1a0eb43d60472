import type { AttemptResult, LeaseGrant } from '@sluice/protocol';
import { keepLease } from '../lease/keep-lease.ts';
import { AttemptLog } from '../log/attempt-log.ts';
import { LogSpool } from '../log/log-spool.ts';
import { uploadLog } from '../log/upload-log.ts';
import { AttemptFolder } from '../result/attempt-folder.ts';
import { deliverResult } from '../result/deliver-result.ts';
import { untilAnswered } from '../server/back-off.ts';
import { LeaseLost } from '../server/server-answer.ts';
import type { AttemptControl } from './attempt-control.ts';
import { stoppedOutcome } from './attempt-outcome.ts';
import type { JobParts, WorkOutcome } from './job-parts.ts';
import { runImageWork } from './run-image-work.ts';
import { runStepsWork } from './run-steps-work.ts';
import { secretsOf } from './secrets-of.ts';

/**
 * One leased attempt from start to acknowledged result. Resolves when the server has the result (or wants none); what the
 * executor made is removed meanwhile, and `cleaned` tells when. Never rejects for what the job does.
 */
export async function runJob(
  grant: LeaseGrant,
  parts: JobParts,
  control: AttemptControl,
): Promise<{ readonly cleaned: Promise<void> }> {
  const { api, workDir, backOff, logger, leaving } = parts;
  const lease = { attemptId: grant.attemptId, epoch: grant.epoch };
  const lost = (): void => control.stop('lease-lost');
  using _lease = keepLease(api, lease, grant.renewSeconds, {
    onCancel: () => control.stop('cancelled'),
    onLost: lost,
    onTrouble: (error) => logger.warn({ attempt: lease.attemptId }, `the lease could not be renewed: ${error.message}`),
  });
  const opened = await openLog(grant, parts, control);
  if (opened === undefined) return { cleaned: Promise.resolve() };
  const { folder, spool, log } = opened;
  const unheard = AbortSignal.any([control.lost, leaving]);
  const guarded = (work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => {
      if (error instanceof LeaseLost) lost();
      if (!control.lost.aborted) throw error;
    });
  const started = guarded(untilAnswered(() => api.start(lease, unheard), backOff, unheard));
  const logSent = guarded(
    uploadLog({
      api,
      lease,
      spool,
      backOff,
      signal: unheard,
      onGivenUp: (why) => logger.error({ attempt: lease.attemptId }, `the rest of the log stays here: ${why}`),
    }),
  );
  // Both are awaited below; until then a failure must not count as unhandled.
  for (const early of [started, logSent]) early.catch(() => undefined);

  const timer = setTimeout(() => control.stop('timeout'), grant.job.timeoutSeconds * 1000);
  const work = await (grant.work.kind === 'steps'
    ? runStepsWork(grant, grant.work, { ...parts, log, control })
    : runImageWork(grant, grant.work, { ...parts, log, control }));
  clearTimeout(timer);
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
      const delivery = await deliverResult({ api, folder, result, backOff, signal: unheard, logSent });
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
    await spool.dispose();
    if (control.lost.aborted) {
      logger.warn({ attempt: lease.attemptId }, 'the lease is lost: nothing more of this attempt is sent');
      await folder.discard();
    }
    workDir.refillReserve();
  }
  return { cleaned: work.cleaned };
}

/** A work folder that takes no more files ends the attempt before it begins. */
async function openLog(
  grant: LeaseGrant,
  { api, workDir, backOff, logger }: JobParts,
  control: AttemptControl,
): Promise<{ folder: AttemptFolder; spool: LogSpool; log: AttemptLog } | undefined> {
  try {
    const folder = await AttemptFolder.begin(workDir.attempts, grant);
    const spool = await LogSpool.create(folder.logFile, (error) => {
      logger.error({ attempt: grant.attemptId }, `the log cannot be written: ${error.message}`);
      workDir.releaseReserve();
      control.stop('runner-disk-full');
    });
    return { folder, spool, log: new AttemptLog(spool, { maxBytes: grant.log.maxBytes, secrets: secretsOf(grant) }) };
  } catch (error) {
    logger.error({ err: error }, 'the work folder takes no files');
    const { outcome, reason } = stoppedOutcome('runner-disk-full', 0);
    const result: AttemptResult = {
      outcome,
      ...(reason === undefined ? {} : { reason }),
      steps: [],
      log: { length: 0, sha256: EMPTY_SHA256, truncated: true },
    };
    await untilAnswered(() => api.start(grant, control.lost), backOff, control.lost)
      .then(() => untilAnswered(() => api.result(grant, result, control.lost), backOff, control.lost))
      .catch((cause: unknown) => logger.error({ err: cause }, 'the result could not be reported'));
    return undefined;
  }
}

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

function toResult(
  { outcome, reason, exitCode, steps, image, outputs }: WorkOutcome,
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
  };
}
