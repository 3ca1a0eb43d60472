import type { AttemptResult } from '@sluice/protocol';
import type { LogSpool } from '../log/log-spool.ts';
import { uploadLog } from '../log/upload-log.ts';
import type { BackOff } from '../server/back-off.ts';
import { untilAnswered } from '../server/back-off.ts';
import type { RunnerApi } from '../server/runner-api.ts';
import { LeaseLost, ServerRefusal } from '../server/server-answer.ts';
import type { AttemptFolder } from './attempt-folder.ts';

export type Delivery =
  | 'acknowledged'
  /** The attempt belongs to someone else, or the server has ended it: nothing is left to say. */
  | 'not-wanted'
  | { readonly refused: string };

export interface DeliveryParts {
  readonly api: RunnerApi;
  readonly folder: AttemptFolder;
  readonly result: AttemptResult;
  readonly backOff: BackOff;
  readonly signal: AbortSignal;
  /** Aborted when the attempt belongs to someone else: then nothing is begun any more. */
  readonly lost?: AbortSignal;
  /** The rest of the log, on its way. */
  readonly logSent: Promise<void>;
}

/**
 * Brings a saved result to the server, however long that takes, and removes the spool when the server has spoken. Rejects, the spool
 * kept, when the signal ends it first or the server does not know the runner.
 */
export async function deliverResult({
  api,
  folder,
  result,
  backOff,
  signal,
  lost,
  logSent,
}: DeliveryParts): Promise<Delivery> {
  const delivery = await tell();
  await folder.discard();
  return delivery;

  async function tell(): Promise<Delivery> {
    try {
      await logSent;
      if (lost?.aborted) return 'not-wanted';
      // From here on only its own answer counts: once it is taken, the server refuses renewals because of it.
      await untilAnswered(() => api.result(folder.lease, result, signal), backOff, signal);
      return 'acknowledged';
    } catch (error) {
      if (error instanceof LeaseLost) return 'not-wanted';
      if (error instanceof ServerRefusal && (error.status === 404 || error.status === 410)) return 'not-wanted';
      if (error instanceof ServerRefusal && error.status !== 401 && error.status !== 403)
        return { refused: error.message };
      throw error;
    }
  }
}

/** Sends what the spool of an earlier process holds. */
export function resendLog(
  api: RunnerApi,
  folder: AttemptFolder,
  spool: LogSpool,
  backOff: BackOff,
  signal: AbortSignal,
): Promise<void> {
  return uploadLog({ api, lease: folder.lease, spool, backOff, signal, onGivenUp: () => undefined });
}
