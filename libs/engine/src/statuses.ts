/** The one vocabulary of states (docs/architecture.md). A user's command that says no is `failed`; our own trouble is `errored`. */

export const STATUSES = [
  'queued',
  'waiting',
  'running',
  'passed',
  'failed',
  'errored',
  'cancelled',
  'skipped',
  'superseded',
] as const;
/** Status of a run, a stage and a job. */
export type Status = (typeof STATUSES)[number];

/** An attempt is `queued` until a lease is granted and `running` while one is held. */
export const ATTEMPT_STATUSES = ['queued', 'running', 'passed', 'failed', 'errored', 'lost', 'cancelled'] as const;
export type AttemptStatus = (typeof ATTEMPT_STATUSES)[number];

/** `waiting` = at the gate or behind another deployment; `unknown` = the target did not tell, a look-up is under way. */
export const DEPLOYMENT_STATUSES = [
  'waiting',
  'running',
  'unknown',
  'passed',
  'failed',
  'errored',
  'cancelled',
  'superseded',
  'rolled-back',
] as const;
export type DeploymentStatus = (typeof DEPLOYMENT_STATUSES)[number];

const OPEN_STATUSES: readonly string[] = ['queued', 'waiting', 'running', 'unknown'];

/** Terminal states never change (I02). */
export function isTerminal(status: Status | AttemptStatus | DeploymentStatus): boolean {
  return !OPEN_STATUSES.includes(status);
}

/** Active deployments hold the lane: at most one at a time (I13). */
export function isActiveDeployment(status: DeploymentStatus): boolean {
  return status === 'running' || status === 'unknown';
}
