import type { Actor, DeploymentStatus, Reason } from '@sluice/engine';

/**
 * What one aggregate or feature tells another, after the commit that made it true. Carried out at least once:
 * each handler is idempotent by the ids in its message.
 */
export interface OutboxMessages {
  /** A webhook delivery is stored: plan its runs. */
  'plan-delivery': { deliveryId: string };
  /** An attempt became ready or a slot came free. */
  'look-at-pool': { poolId: string };
  /** A push made this run, and older ones of its ref are open. */
  'supersede-runs': { runId: string };
  'make-release': { runId: string };
  'withdraw-release': { releaseId: string; by: Actor };
  'offer-release': { releaseId: string; environment: string; requestedBy: Actor };
  'advance-release': { releaseId: string; from: string };
  'tell-run': {
    runId: string;
    environment: string;
    deploymentId: string;
    status: DeploymentStatus;
    reason?: Reason;
    laneVersion: number;
  };
  /** A deployment has its intent row: drive its target to an end. */
  'run-deployment': { deploymentId: string };
  /** Environment settings changed: bindings of waiting deployments are computed anew. */
  'rebind-lanes': { environmentId: string };
  /** Live view topics that changed (protocol/live.ts); ids only. */
  changed: { topics: string[] };
}

export type OutboxTopic = keyof OutboxMessages;

const TOPICS = {
  'plan-delivery': true,
  'look-at-pool': true,
  'supersede-runs': true,
  'make-release': true,
  'withdraw-release': true,
  'offer-release': true,
  'advance-release': true,
  'tell-run': true,
  'run-deployment': true,
  'rebind-lanes': true,
  changed: true,
} as const satisfies Record<OutboxTopic, true>;

export const OUTBOX_TOPICS = Object.keys(TOPICS) as OutboxTopic[];
