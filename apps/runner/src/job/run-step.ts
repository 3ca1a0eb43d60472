import { ExecutorTrouble } from '../executor/executor.port.ts';
import type { Sandbox, StepsWork } from '../executor/executor.port.ts';
import type { AttemptLog } from '../log/attempt-log.ts';
import type { AttemptControl } from './attempt-control.ts';
import type { Outcome } from './attempt-outcome.ts';
import { PASSED, stoppedOutcome, thrownOutcome } from './attempt-outcome.ts';

export interface StepContext {
  readonly sandbox: Sandbox;
  readonly log: AttemptLog;
  readonly control: AttemptControl;
  readonly env: Readonly<Record<string, string>>;
  readonly jobTimeoutSeconds: number;
  /** How long it has been running already, in seconds. */
  readonly ranFor: number;
}

/** One command, within its own time and the job's. */
export async function runStep(
  index: number,
  step: StepsWork['steps'][number],
  { sandbox, log, control, env, jobTimeoutSeconds, ranFor }: StepContext,
): Promise<Outcome> {
  const overdue = new AbortController();
  const timer =
    step.timeoutSeconds === undefined
      ? undefined
      : setTimeout(() => overdue.abort(), Math.max(0, step.timeoutSeconds - ranFor) * 1000);
  try {
    const exit = await sandbox.run(
      { index, run: step.run, env },
      log,
      AbortSignal.any([control.stopped, overdue.signal]),
      control.graceMs,
    );
    if (log.diverged)
      throw new ExecutorTrouble(
        'runner-restarted',
        'The runner was restarted while a step ran, and the step left another output behind than was sent before.',
      );
    if (exit.kind === 'stopped') {
      if (control.cause !== undefined) return stoppedOutcome(control.cause, jobTimeoutSeconds);
      return {
        outcome: 'failed',
        reason: { code: 'timeout', message: `Step "${step.name}" took longer than its ${step.timeoutSeconds} s.` },
      };
    }
    if (exit.kind === 'oom')
      return {
        outcome: 'failed',
        reason: { code: 'oom', message: `Step "${step.name}" used up the job's memory.` },
        exitCode: exit.exitCode,
      };
    if (exit.exitCode === 0) return PASSED;
    return {
      outcome: 'failed',
      reason: { code: 'exit-code', message: `Step "${step.name}" ended with exit code ${exit.exitCode}.` },
      exitCode: exit.exitCode,
    };
  } catch (error) {
    return thrownOutcome(error);
  } finally {
    clearTimeout(timer);
  }
}
