import type { Api } from '@sluice/testing';

/** Decides as a person would: reads the card, and sends back the hash of what it showed. */
export async function approveGate(api: Api, service: string, runNumber: number, environment: string): Promise<string> {
  const waiting = await api.lanes.listApprovals({ show: 'all' });
  const item = waiting.find(
    (candidate) =>
      candidate.service === service && candidate.environment === environment && candidate.to.runNumber === runNumber,
  );
  if (!item) throw new Error(`No gate of ${service} waits in ${environment} for run ${runNumber}.`);
  const card = await api.lanes.getApproval({ deploymentId: item.deploymentId });
  if (!card.me.can) throw new Error(`The release manager may not approve ${service}: ${card.me.why}`);
  await api.lanes.approve({
    deploymentId: card.deploymentId,
    binding: card.binding,
    note: 'Approved by npm run demo -- --yes',
  });
  return card.deploymentId;
}
