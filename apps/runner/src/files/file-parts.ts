import { join } from 'node:path';
import type { Sandbox } from '../executor/executor.port.ts';
import type { WorkParts } from '../job/job-parts.ts';
import type { LeaseKey } from '../server/runner-api.ts';

/** What it takes to bring files of one attempt here and away. */
export interface FileParts extends Pick<WorkParts, 'api' | 'log' | 'backOff'> {
  readonly lease: LeaseKey;
  readonly sandbox: Sandbox;
  /** Nobody waits for the job any more. */
  readonly signal: AbortSignal;
  /** Place for a packed file; it goes with the attempt. */
  file(name: string): string;
}

export function fileParts(
  lease: LeaseKey,
  sandbox: Sandbox,
  { api, log, backOff, control, workDir }: WorkParts,
): FileParts {
  return {
    api,
    log,
    backOff,
    lease,
    sandbox,
    signal: control.stopped,
    file: (name) => join(workDir.attempts, lease.attemptId, `${name}.tar.gz`),
  };
}
