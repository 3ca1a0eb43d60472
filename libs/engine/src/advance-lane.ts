import { isActiveDeployment } from './statuses.ts';
import type { GateRule, LaneDeployment } from './lane.ts';
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
  const { gate } = draft.state.settings;
  const next = draft.state.open.find((deployment) => deployment.status === 'waiting' && isGateOpen(gate, deployment));
  if (!next) return;
  draft.emit({ type: 'deployment-started', deploymentId: next.id });
  draft.effect({ type: 'start-deployment', deploymentId: next.id });
  draft.tellRun(next, 'running');
}

/** Distinct people count, never clicks (I16). */
export function isGateOpen(gate: GateRule, { approvals }: Pick<LaneDeployment, 'approvals'>): boolean {
  return new Set(approvals.map(({ userId }) => userId)).size >= gate.approvals;
}

export function outdated(runNumber: number, how: 'is live' | 'waits'): { code: string; message: string } {
  return { code: 'outdated', message: `The newer release of run ${runNumber} ${how} here.` };
}
