import type { z } from 'zod';
import { waitingCause, type Waiting } from '@sluice/engine';
import type { waiting } from '@sluice/protocol';

export type ShownCause = z.infer<typeof waiting>;

/** A cause as the API gives it; null = it does not wait. */
export function showCause(what: Waiting): ShownCause | null {
  const cause = waitingCause(what);
  return cause ? { code: cause.code, message: cause.message, since: cause.since, endsWhen: cause.endedBy } : null;
}
