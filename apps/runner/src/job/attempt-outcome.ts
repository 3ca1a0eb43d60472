import type { AttemptResult } from '@sluice/protocol';
import { ExecutorTrouble, JobRefused } from '../executor/executor.port.ts';
import type { StopCause } from './attempt-control.ts';

/** How a step, and with it the attempt, came out. */
export interface Outcome {
  readonly outcome: AttemptResult['outcome'];
  readonly reason?: { readonly code: string; readonly message: string };
  readonly exitCode?: number;
}

/** For a job that the next process of the runner could not take up again. */
export const RESTARTED: Outcome = {
  outcome: 'errored',
  reason: { code: 'runner-restarted', message: 'The runner was restarted while the job ran.' },
};

export const PASSED: Outcome = { outcome: 'passed' };

export function stoppedOutcome(cause: StopCause | undefined, timeoutSeconds: number): Outcome {
  switch (cause) {
    case 'timeout':
      return {
        outcome: 'failed',
        reason: { code: 'timeout', message: `The job took longer than its ${timeoutSeconds} s.` },
      };
    case 'runner-stopped':
      return {
        outcome: 'errored',
        reason: { code: 'runner-stopped', message: 'The runner was stopped while the job ran.' },
      };
    case 'runner-disk-full':
      return {
        outcome: 'errored',
        reason: {
          code: 'runner-disk-full',
          message: "The disk of the runner's work folder is full: make room on that machine.",
        },
      };
    case 'lease-lost':
    case 'cancelled':
    case undefined:
      return { outcome: 'cancelled', reason: { code: 'cancelled', message: 'The job was cancelled.' } };
  }
}

/** The user's own trouble is `failed`, ours is `errored`. */
export function thrownOutcome(error: unknown): Outcome {
  if (error instanceof JobRefused) {
    return {
      outcome: 'failed',
      reason: { code: error.code, message: error.message },
      ...(error.exitCode === undefined ? {} : { exitCode: error.exitCode & 255 }),
    };
  }
  if (error instanceof ExecutorTrouble)
    return { outcome: 'errored', reason: { code: error.code, message: error.message } };
  return {
    outcome: 'errored',
    reason: {
      code: 'runner',
      message: `The runner met something unexpected: ${error instanceof Error ? error.message : String(error)}`,
    },
  };
}
