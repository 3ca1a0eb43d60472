import type { AttemptStatus, DeploymentStatus, Status } from './statuses.ts';
import type { LaneMirror } from './run.ts';

/** From a status to those it may move to. Terminal ones have no way out (I02). docs/reference/states.md shows these tables. */
export type Transitions<S extends string> = Readonly<Record<S, readonly S[]>>;

const ENDS = { passed: [], failed: [], errored: [], cancelled: [], skipped: [], superseded: [] } as const;

/**
 * From `waiting` to `queued`: a held run that a person lets go. From `queued` straight to `passed`: each job was skipped by
 * its condition, or failed before it began and may do so.
 */
export const RUN_TRANSITIONS: Transitions<Status> = {
  queued: ['running', 'passed', 'errored', 'cancelled', 'superseded'],
  running: ['waiting', 'passed', 'failed', 'errored', 'cancelled', 'superseded'],
  waiting: ['queued', 'running', 'passed', 'failed', 'errored', 'cancelled', 'superseded'],
  ...ENDS,
};

export const STAGE_TRANSITIONS: Transitions<Status> = {
  queued: ['running', 'passed', 'errored', 'cancelled', 'skipped'],
  running: ['waiting', 'passed', 'failed', 'errored', 'cancelled', 'skipped', 'superseded'],
  waiting: ['running', 'passed', 'failed', 'errored', 'cancelled', 'superseded'],
  ...ENDS,
};

/** `running` -> `queued` is a retry: the job waits for a runner again. */
export const JOB_TRANSITIONS: Transitions<Status> = {
  queued: ['running', 'errored', 'cancelled', 'skipped'],
  running: ['queued', 'passed', 'failed', 'errored', 'cancelled'],
  waiting: [],
  ...ENDS,
};

/** An attempt can be lost, or fail to be prepared, before it has begun. */
export const ATTEMPT_TRANSITIONS: Transitions<AttemptStatus> = {
  queued: ['running', 'errored', 'lost', 'cancelled'],
  running: ['passed', 'failed', 'errored', 'lost', 'cancelled'],
  passed: [],
  failed: [],
  errored: [],
  lost: [],
  cancelled: [],
};

/** A gate that says no ends a deployment as `failed` although it never ran. */
export const DEPLOYMENT_TRANSITIONS: Transitions<DeploymentStatus> = {
  waiting: ['running', 'failed', 'cancelled', 'superseded'],
  running: ['unknown', 'passed', 'failed', 'errored', 'rolled-back'],
  unknown: ['passed', 'failed', 'errored', 'rolled-back'],
  passed: [],
  failed: [],
  errored: [],
  cancelled: [],
  superseded: [],
  'rolled-back': [],
};

/** The run may miss words of the lane, so its mirror may jump, but never go back. */
export const LANE_MIRROR_TRANSITIONS: Transitions<LaneMirror['status']> = {
  queued: [
    'waiting',
    'running',
    'unknown',
    'passed',
    'failed',
    'errored',
    'cancelled',
    'superseded',
    'rolled-back',
    'skipped',
  ],
  waiting: ['running', 'unknown', 'passed', 'failed', 'errored', 'cancelled', 'superseded', 'rolled-back'],
  running: ['unknown', 'passed', 'failed', 'errored', 'cancelled', 'superseded', 'rolled-back'],
  unknown: ['passed', 'failed', 'errored', 'cancelled', 'superseded', 'rolled-back'],
  passed: [],
  failed: [],
  errored: [],
  cancelled: [],
  superseded: [],
  'rolled-back': [],
  skipped: [],
};

export function canMove<S extends string>(table: Transitions<S>, from: S, to: S): boolean {
  return table[from].includes(to);
}
