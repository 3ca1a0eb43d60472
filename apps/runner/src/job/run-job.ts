import type { AttemptResult, LeaseGrant } from '@sluice/protocol';
import { AttemptLog } from '../log/attempt-log.ts';
import { LogSpool } from '../log/log-spool.ts';
import { AttemptFolder } from '../result/attempt-folder.ts';
import { untilAnswered } from '../server/back-off.ts';
import type { AttemptControl } from './attempt-control.ts';
import { stoppedOutcome } from './attempt-outcome.ts';
import type { EndedJob, OpenAttempt } from './carry-out.ts';
import { carryOut, onFullDisk } from './carry-out.ts';
import { holdLease } from './hold-lease.ts';
import type { JobParts } from './job-parts.ts';
import { runImageWork } from './run-image-work.ts';
import { runStepsWork } from './run-steps-work.ts';
import { secretsOf } from './secrets-of.ts';

/**
 * One leased attempt from start to acknowledged result. Resolves when the server has the result (or wants none); what the
 * executor made is removed meanwhile, and `cleaned` tells when. Never rejects for what the job does.
 */
export async function runJob(grant: LeaseGrant, parts: JobParts, control: AttemptControl): Promise<EndedJob> {
  using _lease = holdLease(grant, grant.renewSeconds, parts, control);
  const attempt = await openAttempt(grant, parts, control);
  if (attempt === undefined) return { cleaned: Promise.resolve() };
  return await carryOut(grant, attempt, grant.job.timeoutSeconds, parts, control, (workParts) =>
    grant.work.kind === 'steps'
      ? runStepsWork(grant, grant.work, workParts)
      : runImageWork(grant, grant.work, workParts),
  );
}

/** A work folder that takes no more files ends the attempt before it begins. */
async function openAttempt(
  grant: LeaseGrant,
  parts: JobParts,
  control: AttemptControl,
): Promise<OpenAttempt | undefined> {
  const { api, workDir, backOff, logger } = parts;
  try {
    const folder = await AttemptFolder.begin(workDir.attempts, grant);
    const spool = await LogSpool.create(folder.logFile, onFullDisk(grant, parts, control));
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
