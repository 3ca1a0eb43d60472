import type { AttemptResult } from '@sluice/protocol';
import type { Logger } from 'pino';
import { LogSpool } from '../log/log-spool.ts';
import type { BackOff } from '../server/back-off.ts';
import type { RunnerApi } from '../server/runner-api.ts';
import { keepLease } from '../lease/keep-lease.ts';
import { AttemptFolder } from './attempt-folder.ts';
import { deliverResult, resendLog } from './deliver-result.ts';

/** Short enough for any server: how often a recovered lease is renewed while its result waits. */
const RENEW_SECONDS = 10;

export interface Recovery {
  readonly api: RunnerApi;
  readonly attempts: string;
  readonly backOff: BackOff;
  readonly logger: Logger;
  /** Ends the telling; what is not acknowledged stays for the next start. */
  readonly signal: AbortSignal;
}

/**
 * Speaks for the attempts of an earlier process: a finished one gets its saved result reported, one that was cut off is reported
 * as errored if its lease still lives. Their containers are gone by then (the boot sweep comes first).
 */
export async function recoverAttempts({ api, attempts, backOff, logger, signal }: Recovery): Promise<void> {
  for (const folder of await AttemptFolder.findAll(attempts)) {
    const lost = new AbortController();
    const either = AbortSignal.any([signal, lost.signal]);
    const spool = await LogSpool.reopen(folder.logFile);
    using _lease = keepLease(api, folder.lease, RENEW_SECONDS, {
      onCancel: () => undefined,
      onLost: () => lost.abort(),
      onTrouble: () => undefined,
    });
    try {
      const saved = await folder.readResult();
      const result: AttemptResult = saved ?? restarted(spool);
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
}

function restarted(spool: LogSpool): AttemptResult {
  return {
    outcome: 'errored',
    reason: { code: 'runner-restarted', message: 'The runner was restarted while the job ran.' },
    steps: [],
    log: { ...spool.seal(), truncated: false },
  };
}
