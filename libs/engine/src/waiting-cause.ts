import { attemptCause } from './attempt-cause.ts';
import { deploymentCause } from './deployment-cause.ts';
import { cancellingCause, environmentCause, heldCause, jobCause } from './run-cause.ts';
import type { Waiting, WaitingCause } from './waiting.ts';

/** undefined = it does not wait: it works, it has ended, or it is not there. */
export function waitingCause(waiting: Waiting): WaitingCause | undefined {
  switch (waiting.kind) {
    case 'attempt':
      return attemptCause(waiting);
    case 'deployment':
      return deploymentCause(waiting);
    case 'held':
      return heldCause(waiting);
    case 'job':
      return jobCause(waiting);
    case 'environment':
      return environmentCause(waiting);
    case 'cancel':
      return cancellingCause(waiting);
  }
}
