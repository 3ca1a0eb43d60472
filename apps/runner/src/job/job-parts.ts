import type { Logger } from 'pino';
import type { KeptJobs, KeptSandbox } from '../debug/kept-jobs.ts';
import type { MirrorCache } from '../checkout/mirror-cache.ts';
import type { Executor } from '../executor/executor.port.ts';
import type { AttemptFolder } from '../result/attempt-folder.ts';
import type { RenewalThread } from '../lease/renewal-thread.ts';
import type { AttemptLog } from '../log/attempt-log.ts';
import type { BackOff } from '../server/back-off.ts';
import type { RunnerApi, StepReport } from '../server/runner-api.ts';
import type { WorkDir } from '../work-dir/work-dir.ts';
import type { AttemptControl } from './attempt-control.ts';
import type { Outcome } from './attempt-outcome.ts';

/** What every job of the runner works with. */
export interface JobParts {
  readonly api: RunnerApi;
  readonly renewals: RenewalThread;
  readonly executor: Executor;
  readonly mirrors: MirrorCache;
  readonly workDir: WorkDir;
  readonly backOff: BackOff;
  readonly logger: Logger;
  readonly kept: KeptJobs;
  readonly now: () => Date;
  /** Seconds since the machine was started: the time between two processes of the runner, whatever the clock does. */
  readonly uptime: () => number;
  /** Aborted when the process ends soon: what is not acknowledged by then is sent after the next start. */
  readonly leaving: AbortSignal;
}

/** The same for the work of one attempt. */
export interface WorkParts extends JobParts {
  readonly folder: AttemptFolder;
  readonly log: AttemptLog;
  readonly control: AttemptControl;
}

export interface WorkOutcome extends Outcome {
  readonly steps: StepReport[];
  readonly image?: { readonly repository: string; readonly digest: string };
  readonly outputs?: Readonly<Record<string, string>>;
  readonly generated?: string;
  /** Instead of being removed at once, what the executor made waits for the result to be acknowledged, and is then kept for a time. */
  readonly kept?: KeptSandbox;
  /** Everything the executor made is gone; rejects when something stays. */
  readonly cleaned: Promise<void>;
}
