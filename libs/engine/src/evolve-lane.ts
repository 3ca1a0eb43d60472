import { isTerminal } from './statuses.ts';
import { BrokenHistoryError } from './evolve-run.ts';
import { LANE_VERSION } from './lane.ts';
import type { LaneDeployment, LaneEvent, LaneState } from './lane.ts';

/** Enough to recognise a repeated offer; the history rows of the lane hold the rest. */
const REMEMBERED_RELEASES = 100;

export function evolveLane(state: LaneState | undefined, event: LaneEvent): LaneState {
  if (state === undefined) {
    if (event.type !== 'lane-opened') {
      throw new BrokenHistoryError(`The history of a lane begins with "${event.type}" instead of "lane-opened".`);
    }
    const { laneId, teamId, serviceId, environment, settings } = event;
    return { schemaVersion: LANE_VERSION, version: 1, laneId, teamId, serviceId, environment, settings, open: [] };
  }
  return { ...apply(state, event), version: state.version + 1 };
}

export function foldLane(events: Iterable<LaneEvent>): LaneState {
  let state: LaneState | undefined;
  for (const event of events) state = evolveLane(state, event);
  if (state === undefined) throw new BrokenHistoryError('The history of a lane is empty.');
  return state;
}

function apply(state: LaneState, event: LaneEvent): LaneState {
  switch (event.type) {
    case 'lane-opened':
      throw new BrokenHistoryError(`Lane ${state.laneId} is opened twice in its history.`);
    case 'release-entered':
      return { ...state, open: [...state.open, event.deployment] };
    case 'settings-changed':
      return {
        ...state,
        settings: event.settings,
        open: state.open.map((deployment) => rebound(deployment, event.bindings[deployment.id])),
      };
    case 'approved':
      return withDeployment(state, event.deploymentId, ({ approvals }) => ({
        approvals: [...approvals.filter(({ userId }) => userId !== event.approval.userId), event.approval],
        unlinked: event.unlinked,
      }));
    case 'approvals-lapsed':
      return withDeployment(state, event.deploymentId, ({ approvals }) => ({
        approvals: approvals.filter(({ userId }) => !event.userIds.includes(userId)),
      }));
    case 'rejected':
      // Who said no and why; the end itself is an event of its own.
      return state;
    case 'deployment-started':
      return withDeployment(state, event.deploymentId, () => ({ status: 'running', startedAt: event.at }));
    case 'deployment-unknown':
      return withDeployment(state, event.deploymentId, () => ({ status: 'unknown', reason: event.reason }));
    case 'deployment-ended':
      return ended(state, event);
    default:
      return unknownEvent(event);
  }
}

/** What runs was approved as it was; only what still waits is bound anew, and a new binding voids approvals (I17). */
function rebound(deployment: LaneDeployment, binding: string | undefined): LaneDeployment {
  if (deployment.status !== 'waiting' || binding === undefined || binding === deployment.binding) return deployment;
  return { ...deployment, binding, approvals: [], unlinked: undefined };
}

function ended(state: LaneState, event: Extract<LaneEvent, { type: 'deployment-ended' }>): LaneState {
  const { id, release } = deploymentOf(state, event.deploymentId);
  if (!isTerminal(event.status)) {
    throw new BrokenHistoryError(`Deployment "${id}" cannot end as "${event.status}".`);
  }
  return {
    ...state,
    open: state.open.filter((deployment) => deployment.id !== id),
    endedReleases: [...(state.endedReleases ?? []), release.releaseId].slice(-REMEMBERED_RELEASES),
    ...(event.status === 'passed' && { live: { deploymentId: id, release, since: event.at } }),
  };
}

function withDeployment(
  state: LaneState,
  id: string,
  change: (deployment: LaneDeployment) => Partial<LaneDeployment>,
): LaneState {
  deploymentOf(state, id);
  return {
    ...state,
    open: state.open.map((deployment) =>
      deployment.id === id ? { ...deployment, ...change(deployment) } : deployment,
    ),
  };
}

function deploymentOf(state: LaneState, id: string): LaneDeployment {
  const deployment = state.open.find((candidate) => candidate.id === id);
  if (!deployment)
    throw new BrokenHistoryError(`The history of lane ${state.laneId} names "${id}", which is not open in it.`);
  return deployment;
}

function unknownEvent(event: never): never {
  throw new BrokenHistoryError(`A lane knows no event of the type "${(event as LaneEvent).type}".`);
}
