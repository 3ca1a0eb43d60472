import type { AttemptResult } from '@sluice/protocol';
import type { Logger } from 'pino';
import { RESTARTED } from '../job/attempt-outcome.ts';
import { LogSpool } from '../log/log-spool.ts';
import type { BackOff } from '../server/back-off.ts';
import type { RunnerApi } from '../server/runner-api.ts';
import type { RenewalThread } from '../lease/renewal-thread.ts';
import type { AttemptFolder } from './attempt-folder.ts';
import { deliverResult, resendLog } from './deliver-result.ts';

/** Short enough for any server: how often a recovered lease is renewed while its result waits. */
const RENEW_SECONDS = 10;

export interface Recovery {
  readonly api: RunnerApi;
  readonly renewals: RenewalThread;
  readonly backOff: BackOff;
  readonly logger: Logger;
  /** Ends the telling; what is not acknowledged stays for the next start. */
  readonly signal: AbortSignal;
}

/**
 * Speaks for an attempt of an earlier process that cannot be taken up again: a finished one gets its saved result reported, one that
 * was cut off is reported as errored if its lease still lives.
 */
export async function reportLeft(
  folder: AttemptFolder,
  { api, renewals, backOff, logger, signal }: Recovery,
): Promise<void> {
  const lost = new AbortController();
  const either = AbortSignal.any([signal, lost.signal]);
  const spool = await LogSpool.reopen(folder.logFile);
  using _lease = renewals.keep(folder.lease, RENEW_SECONDS, {
    onCancel: () => undefined,
    onLost: () => lost.abort(),
    onTrouble: () => undefined,
  });
  try {
    const saved = await folder.readResult();
    const result: AttemptResult = saved ?? (await restarted(folder, spool));
    const logSent = resendLog(api, folder, spool, backOff, either);
    const delivery = await deliverResult({ api, folder, result, backOff, signal: either, logSent });
    logger.info(
      { attempt: folder.lease.attemptId, outcome: result.outcome, delivery },
      saved === undefined ? 'attempt was cut off by a restart' : 'saved result sent',
    );
  } catch (error) {
    if (lost.signal.aborted) await folder.discard();
    else if (!signal.aborted)
      logger.error(
        { attempt: folder.lease.attemptId, err: error },
        'an attempt of an earlier process could not be reported',
      );
  } finally {
    await spool.dispose();
  }
}

/** The steps as far as they are known. */
async function restarted(folder: AttemptFolder, spool: LogSpool): Promise<AttemptResult> {
  const { steps = [] } = (await folder.readProgress()) ?? {};
  return {
    ...RESTARTED,
    steps: steps.map((step) => ({
      ...step,
      status: step.status === 'running' ? 'errored' : step.status === 'queued' ? 'skipped' : step.status,
    })),
    log: { ...spool.seal(), truncated: false },
  };
}
