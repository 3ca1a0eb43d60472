import type { z } from 'zod';
import type { approvalDetail } from '@sluice/protocol';
import type { Row } from '../../platform/db/schema.ts';

/** How a gate was decided, for the card that stays open; null while it waits. */
export function describeDecision(deployment: Row<'deployments'>): z.infer<typeof approvalDetail>['decided'] {
  const { status, reason } = deployment;
  if (status === 'waiting') return null;
  const at = (deployment.finished_at ?? deployment.started_at ?? deployment.entered_at).toISOString();
  if (reason?.code === 'rejected') return { outcome: 'rejected', text: reason.message, at };
  if (status === 'superseded') return { outcome: 'superseded', text: reason?.message ?? 'A newer release came.', at };
  if (status === 'cancelled') return { outcome: 'cancelled', text: reason?.message ?? 'Withdrawn.', at };
  const names = deployment.approvals.map((approval) => approval.name).join(' and ');
  const started = (deployment.started_at ?? deployment.entered_at).toISOString();
  return { outcome: 'approved', text: names === '' ? 'The gate was open.' : `Approved by ${names}.`, at: started };
}
