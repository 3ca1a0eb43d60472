import type { DecideContext } from './run.ts';
import type { LaneCommand, LaneDeployment, LaneState } from './lane.ts';
import { ignored } from './run-draft.ts';
import { draftLane } from './lane-draft.ts';
import type { LaneDecision } from './lane-draft.ts';
import { advanceLane, isInOrder, outdated } from './advance-lane.ts';

type Offer = Extract<LaneCommand, { type: 'offer' }>;

/**
 * A release enters. The newest waits; older ones that still wait give way, unless each has its turn. One that comes when a
 * newer one is live ends at once (I14).
 */
export function offerRelease(state: LaneState, command: Offer, ctx: DecideContext): LaneDecision {
  const { release } = command;
  const repeated = repetition(state, command);
  if (repeated) return ignored(repeated);

  const newer = newerThan(state, release.runNumber);
  const deployment: LaneDeployment = {
    id: command.deploymentId,
    release,
    status: 'waiting',
    binding: command.binding,
    approvals: [],
    requestedBy: command.requestedBy,
    enteredAt: ctx.now,
  };
  const draft = draftLane(state, ctx);
  draft.emit({ type: 'release-entered', deployment });
  draft.tellRun(deployment, 'waiting');
  if (newer) {
    draft.end(deployment, 'superseded', newer);
    return draft.accepted();
  }
  const givesWay = isInOrder(state.settings) ? [] : state.open.filter(({ status }) => status === 'waiting');
  for (const older of givesWay) {
    draft.end(older, 'superseded', {
      code: 'superseded',
      message: `The newer release of run ${release.runNumber} came while this one waited.`,
    });
  }
  advanceLane(draft);
  return draft.accepted();
}

function repetition(state: LaneState, { release, deploymentId }: Offer): string | undefined {
  const { releaseId } = release;
  if (state.live?.release.releaseId === releaseId) return 'The release is live here already.';
  if (state.open.some((open) => open.release.releaseId === releaseId || open.id === deploymentId)) {
    return 'The release is in this lane already.';
  }
  if (state.endedReleases?.includes(releaseId))
    return 'The release was in this lane already, and its deployment has ended.';
  return undefined;
}

function newerThan({ live, open, settings }: LaneState, runNumber: number): ReturnType<typeof outdated> | undefined {
  if (live && live.release.runNumber > runNumber) return outdated(live.release.runNumber, 'is live');
  if (isInOrder(settings)) return undefined;
  const waiting = open.find(
    (deployment) => deployment.status === 'waiting' && deployment.release.runNumber > runNumber,
  );
  return waiting && outdated(waiting.release.runNumber, 'waits');
}
