import { isHeld, type RunState, type Status } from '@sluice/engine';
import type { ReportedState, StatusReport } from '../../platform/forge/commit-statuses.port.ts';

type Told = Pick<StatusReport, 'state' | 'description' | 'url'>;

const STATES: Readonly<Record<Status, ReportedState>> = {
  queued: 'queued',
  // The work goes on: a forge has no word for a gate.
  waiting: 'running',
  running: 'running',
  passed: 'passed',
  skipped: 'passed',
  failed: 'failed',
  errored: 'errored',
  cancelled: 'cancelled',
  superseded: 'cancelled',
};

/** What a forge is told of a run. `origin`: the public address, from which all links are made. */
export function describeRun(run: RunState, service: string, origin: string): Told {
  const { number, status, reason } = run;
  return {
    state: STATES[status],
    description: `Run #${number} ${stateInWords(run)}${reason === undefined ? '' : `: ${reason.message}`}`,
    url: `${origin}/services/${service}/runs/${number}`,
  };
}

/** Passed, since nothing stands against the change; and it says that nothing was run. */
export function describeNotAffected(why: string, service: string, origin: string): Told {
  return { state: 'passed', description: `Not affected: ${why}`, url: `${origin}/services/${service}` };
}

export function contextOf(service: string): string {
  return `sluice/${service}`;
}

/** As it goes on after "Run #7". */
export function stateInWords(run: RunState): string {
  const { status } = run;
  if (status === 'waiting') return isHeld(run) ? 'waits for somebody to let it go' : 'waits for its release to go on';
  return status === 'queued' || status === 'running' ? `is ${status}` : status;
}
