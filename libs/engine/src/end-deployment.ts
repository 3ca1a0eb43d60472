import { isActiveDeployment } from './statuses.ts';
import type { DecideContext } from './run.ts';
import type { LaneCommand, LaneState } from './lane.ts';
import { ignored, rejected } from './run-draft.ts';
import { draftLane } from './lane-draft.ts';
import type { LaneDecision } from './lane-draft.ts';
import { advanceLane } from './advance-lane.ts';

type Ended = Extract<LaneCommand, { type: 'deployment-ended' }>;
type Unknown = Extract<LaneCommand, { type: 'deployment-unknown' }>;
type Withdraw = Extract<LaneCommand, { type: 'withdraw' }>;

/** Only a passed deployment changes what is live; every other end leaves the old release there. */
export function endDeployment(state: LaneState, command: Ended, ctx: DecideContext): LaneDecision {
  const deployment = state.open.find(({ id }) => id === command.deploymentId);
  if (!deployment) return ignored('No such deployment is open in this lane; it ended already.');
  if (!isActiveDeployment(deployment.status)) return notRunning(command.deploymentId);
  const draft = draftLane(state, ctx);
  draft.end(deployment, command.outcome, command.reason);
  if (command.outcome === 'passed') {
    draft.effect({ type: 'advance-release', releaseId: deployment.release.releaseId, from: state.environment });
  }
  advanceLane(draft);
  return draft.accepted();
}

export function holdUnknown(state: LaneState, { deploymentId, reason }: Unknown, ctx: DecideContext): LaneDecision {
  const deployment = state.open.find(({ id }) => id === deploymentId);
  if (!deployment) return ignored('No such deployment is open in this lane; it ended already.');
  if (deployment.status === 'unknown') return ignored('The deployment is being looked up already.');
  if (deployment.status !== 'running') return notRunning(deploymentId);
  const draft = draftLane(state, ctx);
  draft.emit({ type: 'deployment-unknown', deploymentId, reason });
  draft.tellRun(deployment, 'unknown', reason);
  return draft.accepted();
}

export function withdrawRelease(state: LaneState, { releaseId, by }: Withdraw, ctx: DecideContext): LaneDecision {
  const deployment = state.open.find(({ release }) => release.releaseId === releaseId);
  if (!deployment) return ignored('The release does not wait in this lane.');
  if (deployment.status !== 'waiting') {
    return rejected('already-running', 'The release is being deployed and can no longer be withdrawn.');
  }
  const draft = draftLane(state, ctx);
  draft.end(deployment, 'cancelled', { code: 'withdrawn', message: `Withdrawn by ${by.name}.` });
  advanceLane(draft);
  return draft.accepted();
}

function notRunning(deploymentId: string): LaneDecision {
  return rejected('not-running', `Deployment "${deploymentId}" has not been started.`);
}
