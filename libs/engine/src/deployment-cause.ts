import { isGateOpen, waitingInOrder } from './advance-lane.ts';
import { approvalsNeeded, moreApprovals, unlinkedHands } from './approvals-needed.ts';
import { counted } from './counted.ts';
import type { LaneDeployment } from './lane.ts';
import { isActiveDeployment } from './statuses.ts';
import type { HeldDeployment, WaitingCause } from './waiting.ts';

/** A deployment that waits, or that holds its lane without a word from its target. */
export function deploymentCause(held: HeldDeployment): WaitingCause | undefined {
  const { lane, deploymentId } = held;
  const deployment = lane.open.find(({ id }) => id === deploymentId);
  if (deployment?.status === 'unknown') return targetCause(deployment);
  if (deployment?.status !== 'waiting') return undefined;
  if (!isGateOpen(lane.settings.gate, deployment)) return approvalCause(held, deployment);
  const active = lane.open.find(({ status }) => isActiveDeployment(status));
  if (active) return behind(active, deployment);
  const [first] = waitingInOrder(lane);
  if (!first || first.id === deployment.id) return undefined;
  return {
    code: 'earlier-release',
    message: `Each release has its turn in ${lane.environment}, and that of run ${first.release.runNumber} is first.`,
    since: openSince(deployment),
    endedBy: `The deployment, rejection or withdrawal of run ${first.release.runNumber}.`,
  };
}

function approvalCause({ lane, contributors }: HeldDeployment, deployment: LaneDeployment): WaitingCause {
  const { gate } = lane.settings;
  const unlinked = contributors ? unlinkedHands(contributors) : deployment.unlinked;
  const given = new Set(deployment.approvals.map(({ userId }) => userId)).size;
  const needed = approvalsNeeded(gate, unlinked);
  const more = moreApprovals(gate, unlinked);
  const missing = `${counted(needed - given, 'approval')} by ${gate.roles.join(' or ') || 'a role yet to be named'}.`;
  return {
    code: 'approval',
    message: `${given} of ${counted(needed, 'approval')} given for ${lane.environment}${more ? `; ${more.because}` : ''}.`,
    since: deployment.enteredAt,
    endedBy:
      given >= needed
        ? 'One of the approvals given again: a login was linked to a person since, and that is judged with an approval.'
        : `${missing}${more ? ` ${more.remedy}` : ''}`,
  };
}

function behind(active: LaneDeployment, deployment: LaneDeployment): WaitingCause {
  const verb = active.status === 'unknown' ? 'is being looked up after its target did not answer' : 'is being deployed';
  return {
    code: 'behind-deployment',
    message: `The release of run ${active.release.runNumber} ${verb} here.`,
    since: openSince(deployment),
    endedBy: `The end of the deployment of run ${active.release.runNumber}.`,
  };
}

function targetCause({ reason, startedAt, enteredAt }: LaneDeployment): WaitingCause {
  return {
    code: 'target',
    message: reason?.message ?? 'The target does not tell what became of the deployment.',
    since: startedAt ?? enteredAt,
    endedBy: 'An answer of the target; it is asked again and again, and nothing else is deployed here until then.',
  };
}

/** The gate was open with its last approval, or from the start. */
function openSince({ approvals, enteredAt }: LaneDeployment): string {
  return approvals.at(-1)?.at ?? enteredAt;
}
