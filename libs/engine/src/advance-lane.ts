import { approvalsNeeded } from './approvals-needed.ts';
import { isActiveDeployment } from './statuses.ts';
import type { GateRule, LaneDeployment, LaneSettings, LaneState } from './lane.ts';
import type { LaneDraft } from './lane-draft.ts';

/** Ends what has become outdated and starts what may start; at most one deployment holds the lane (I13). */
export function advanceLane(draft: LaneDraft): void {
  for (const deployment of draft.state.open) {
    const { live } = draft.state;
    if (deployment.status === 'waiting' && live && deployment.release.runNumber < live.release.runNumber) {
      draft.end(deployment, 'superseded', outdated(live.release.runNumber, 'is live'));
    }
  }
  if (draft.state.open.some(({ status }) => isActiveDeployment(status))) return;
  const next = nextToStart(draft.state);
  if (!next) return;
  draft.emit({ type: 'deployment-started', deploymentId: next.id });
  draft.effect({ type: 'start-deployment', deploymentId: next.id });
  draft.tellRun(next, 'running');
}

/** Whether each release must be deployed, none overtaken by a newer one. */
export function isInOrder({ supersede }: Pick<LaneSettings, 'supersede'>): boolean {
  return supersede === false;
}

/** What waits, in the order in which it is served: where each release has its turn, a later one waits for it even when its own gate is open. */
export function waitingInOrder({ open, settings }: Pick<LaneState, 'open' | 'settings'>): readonly LaneDeployment[] {
  const waiting = open.filter(({ status }) => status === 'waiting');
  return isInOrder(settings) ? waiting.toSorted((a, b) => a.release.runNumber - b.release.runNumber) : waiting;
}

function nextToStart(lane: LaneState): LaneDeployment | undefined {
  const { gate } = lane.settings;
  const waiting = waitingInOrder(lane);
  const candidates = isInOrder(lane.settings) ? waiting.slice(0, 1) : waiting;
  return candidates.find((deployment) => isGateOpen(gate, deployment));
}

/** Distinct people count, never clicks (I16). */
export function isGateOpen(
  gate: GateRule,
  { approvals, unlinked }: Pick<LaneDeployment, 'approvals' | 'unlinked'>,
): boolean {
  return new Set(approvals.map(({ userId }) => userId)).size >= approvalsNeeded(gate, unlinked);
}

export function outdated(runNumber: number, how: 'is live' | 'waits'): { code: string; message: string } {
  return { code: 'outdated', message: `The newer release of run ${runNumber} ${how} here.` };
}
