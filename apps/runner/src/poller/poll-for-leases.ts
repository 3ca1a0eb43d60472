import { setTimeout as pause } from 'node:timers/promises';
import type { LeaseGrant } from '@sluice/protocol';
import type { Logger } from 'pino';
import type { BackOff } from '../server/back-off.ts';
import { pauseAfterMs } from '../server/back-off.ts';
import type { RunnerApi } from '../server/runner-api.ts';
import { ServerRefusal } from '../server/server-answer.ts';

export interface PollParts {
  readonly api: RunnerApi;
  readonly slots: number;
  readonly backOff: BackOff;
  readonly newId: () => string;
  readonly logger: Logger;
  /** Aborted when no new job may begin. */
  readonly draining: AbortSignal;
  /** Kept while the runner may take work; pending while it may not. */
  readonly mayTakeWork: () => Promise<void>;
  /** Aborted as soon as it may not, while a poll is under way too. */
  readonly mayNotTakeWork: () => AbortSignal;
  /** Why it may not, as a sentence. */
  readonly trouble: () => string | undefined;
  /** Runs the job; the slot is free again when it resolves. */
  readonly run: (grant: LeaseGrant) => Promise<void>;
  /** The server does not know the token. True when there is a new one. */
  readonly onUnauthorized: () => Promise<boolean>;
}

/** One endless poll for each slot. Resolves when draining and the last job is done. */
export async function pollForLeases(parts: PollParts): Promise<void> {
  const polls = new Set<object>();
  const slots = Array.from({ length: parts.slots }, () => pollForSlot(parts, polls));
  await Promise.all([...slots, tellDraining(parts, polls)]);
}

async function pollForSlot(parts: PollParts, polls: Set<object>): Promise<void> {
  const { draining, mayTakeWork, run } = parts;
  while (!draining.aborted) {
    await Promise.race([mayTakeWork(), aborted(draining)]);
    if (draining.aborted) return;
    const poll = {};
    polls.add(poll);
    const grant = await nextLease(parts).finally(() => polls.delete(poll));
    if (grant !== null) await run(grant);
  }
}

/** With all slots busy no poll is under way whose last word says it, and nobody should count on the runner any more. */
async function tellDraining(
  { api, slots, newId, draining, trouble, logger }: PollParts,
  polls: ReadonlySet<object>,
): Promise<void> {
  await aborted(draining);
  if (polls.size === 0) await lastWord(api, newId(), slots, trouble(), logger);
}

/**
 * Asks until the server answers. The id of the poll stays the same until an answer arrived, so a lease whose answer was lost on the way comes
 * again (F18). When no more work may be taken while a poll is in flight, one last short one asks whether that poll had been given a lease.
 */
async function nextLease({
  api,
  slots,
  backOff,
  newId,
  logger,
  draining,
  mayNotTakeWork,
  trouble,
  onUnauthorized,
}: PollParts): Promise<LeaseGrant | null> {
  const pollId = newId();
  const stop = AbortSignal.any([draining, mayNotTakeWork()]);
  for (let failures = 1; ; failures++) {
    let wait: number;
    try {
      return await api.poll(pollId, slots, { signal: stop });
    } catch (error) {
      if (stop.aborted) return lastWord(api, pollId, slots, trouble(), logger);
      if (error instanceof ServerRefusal && error.status === 401 && (await onUnauthorized().catch(() => false)))
        continue;
      const level = failures === 1 || failures % 20 === 0 ? 'error' : 'debug';
      logger[level](
        { failures },
        `no lease can be asked for: ${error instanceof Error ? error.message : String(error)}`,
      );
      wait = pauseAfterMs(error, failures, backOff);
    }
    await pause(wait, undefined, { signal: stop }).catch(() => undefined);
    if (stop.aborted) return lastWord(api, pollId, slots, trouble(), logger);
  }
}

async function lastWord(
  api: RunnerApi,
  pollId: string,
  slots: number,
  trouble: string | undefined,
  logger: Logger,
): Promise<LeaseGrant | null> {
  try {
    return await api.poll(pollId, slots, { draining: true, ...(trouble === undefined ? {} : { trouble }) });
  } catch (error) {
    logger.debug({ err: error }, 'the last poll got no answer; a lease given to it ends by itself');
    return null;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
