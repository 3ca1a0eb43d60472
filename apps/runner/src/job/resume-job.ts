import { AttemptLog } from '../log/attempt-log.ts';
import { LogSpool } from '../log/log-spool.ts';
import type { LeaseGrant } from '@sluice/protocol';
import { reportLeft } from '../result/recover-attempts.ts';
import type { AttemptFolder } from '../result/attempt-folder.ts';
import { untilAnswered } from '../server/back-off.ts';
import { LeaseLost, ServerRefusal } from '../server/server-answer.ts';
import type { AttemptControl } from './attempt-control.ts';
import type { EndedJob } from './carry-out.ts';
import { carryOut, onFullDisk } from './carry-out.ts';
import { holdLease } from './hold-lease.ts';
import type { JobParts } from './job-parts.ts';
import type { EarlierWork } from './run-steps-work.ts';
import { runStepsWork } from './run-steps-work.ts';
import { sameSecrets } from './secrets-fingerprint.ts';
import { secretsOf } from './secrets-of.ts';

export interface EarlierJob extends EarlierWork {
  readonly folder: AttemptFolder;
}

/**
 * A job of steps that an earlier process of the runner began, from where it stands now, under the same lease. What the steps were given
 * is asked of the server again, because no secret is kept on the disk. Where that cannot be had, or is not what the job began with,
 * the attempt ends as `runner-restarted`.
 */
export async function resumeJob(earlier: EarlierJob, parts: JobParts, control: AttemptControl): Promise<EndedJob> {
  const { folder, progress, sandbox } = earlier;
  const { lease } = folder;
  const { backOff, logger, leaving, uptime } = parts;
  using _lease = holdLease(lease, progress.renewSeconds, parts, control);
  const grant = await askAgain(earlier, parts, control);
  if (grant?.work.kind === 'steps') {
    logger.info({ attempt: lease.attemptId }, 'attempt taken up again after a restart');
    const { work } = grant;
    const spool = await LogSpool.goOn(folder.logFile, progress.logOffset, onFullDisk(lease, parts, control));
    const { maxBytes } = grant.log;
    const log = new AttemptLog(spool, { maxBytes, secrets: secretsOf(grant), length: progress.logOffset });
    const secondsLeft = Math.max(0, grant.job.timeoutSeconds - (uptime() - progress.begunAt));
    return await carryOut(grant, { folder, spool, log }, secondsLeft, parts, control, (workParts) =>
      runStepsWork(grant, work, workParts, { progress, sandbox }),
    );
  }
  const cleaned = sandbox.destroy();
  cleaned.catch(() => undefined);
  if (control.lost.aborted) await folder.discard();
  // Nobody could be asked: the next start finds the attempt without its containers.
  else if (!leaving.aborted && !control.stopped.aborted)
    await reportLeft(folder, {
      api: parts.api,
      renewals: parts.renewals,
      backOff,
      logger,
      signal: AbortSignal.any([leaving, control.lost]),
    });
  return { cleaned };
}

/** Undefined: the job cannot be taken up. */
async function askAgain(
  { folder, progress }: EarlierJob,
  { api, backOff, logger, leaving }: JobParts,
  control: AttemptControl,
): Promise<LeaseGrant | undefined> {
  const { lease } = folder;
  const signal = AbortSignal.any([control.stopped, leaving]);
  try {
    const grant = await untilAnswered(() => api.resume(lease, signal), backOff, signal);
    if (await sameSecrets(progress.secrets, grant.secrets)) return grant;
    logger.warn({ attempt: lease.attemptId }, 'a secret of the job was changed: the job is not taken up again');
  } catch (error) {
    if (error instanceof LeaseLost) control.stop('lease-lost');
    else if (error instanceof ServerRefusal)
      logger.warn({ attempt: lease.attemptId }, `the job is not taken up again: ${error.message}`);
    else if (!signal.aborted) throw error;
  }
  return undefined;
}
