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
  /** The forge is to be told of a run's new status, or that a change does not concern a service. */
  'report-status': { runId: string } | { serviceId: string; commit: string; ref: string; notAffected: string };
  /** What the definition on the default branch says about schedules and releases may differ from what is stored. */
  'read-triggers': { serviceId: string; since: string };
  /** A time of a schedule has come. */
  'start-scheduled': { scheduleId: string; at: string; since: string };
  /** A deployment went live. */
  'release-live': { deploymentId: string };
  /** A release of another service went live, for which a service waits. */
  'start-after-release': { triggerId: string; deploymentId: string; since: string };
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
  'report-status': true,
  'read-triggers': true,
  'start-scheduled': true,
  'release-live': true,
  'start-after-release': true,
  changed: true,
} as const satisfies Record<OutboxTopic, true>;

export const OUTBOX_TOPICS = Object.keys(TOPICS) as OutboxTopic[];
