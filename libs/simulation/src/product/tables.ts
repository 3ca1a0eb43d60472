import type {
  Actor,
  AttemptStatus,
  BuiltImage,
  DeploymentStatus,
  GateRule,
  JobKey,
  LaneEvent,
  LaneState,
  Reason,
  Role,
  RunEvent,
  RunState,
  Trust,
} from '@sluice/engine';
import type { Row, UniqueKeys } from '../kernel/store.ts';

/** The rows of the product's schema that its reliability rests on. Times are milliseconds of the virtual clock. */
export type Tables = {
  repositories: Row;
  teams: { id: string; maxRunning: number | null };
  services: {
    id: string;
    teamId: string;
    repositoryId: string;
    nextRunNumber: number;
    maxRunning: number | null;
  };
  branchHeads: { id: string; commit: number };
  memberships: { id: string; userId: string; name: string; roles: readonly Role[] };
  environments: { id: string; name: string; gate: GateRule; target: string; settingsHash: string };
  secrets: { id: string; value: string };
  deliveries: {
    id: string;
    key: string;
    repositoryId: string;
    commit: number;
    status: 'received' | 'planned' | 'ignored';
  };
  runs: {
    id: string;
    serviceId: string;
    number: number;
    version: number;
    dedupeKey: string | null;
    planHash: string;
    /** When time alone moves the run. */
    wakeAt: string | null;
    state: RunState;
  };
  runEvents: { id: string; events: readonly RunEvent[] };
  pools: { id: string; teamId: string | null; trust: Trust; labels: readonly string[] };
  runners: { id: string; poolId: string; slots: number };
  attempts: AttemptRow;
  polls: {
    id: string;
    runnerId: string;
    poolId: string;
    replicaId: string;
    since: number;
    expiresAt: number;
    attemptId: string | null;
  };
  releases: {
    id: string;
    serviceId: string;
    runId: string;
    runNumber: number;
    commit: string;
    image: BuiltImage;
    planHash: string;
    route: readonly string[];
  };
  lanes: { id: string; serviceId: string; environmentId: string; version: number; state: LaneState };
  laneEvents: { id: string; events: readonly LaneEvent[] };
  deployments: DeploymentRow;
  outbox: OutboxRow;
  audit: { id: string; actor: string; action: string; subject: string };
};

export interface AttemptRow {
  readonly id: string;
  readonly teamId: string;
  readonly runId: string;
  readonly serviceId: string;
  readonly jobKey: JobKey;
  readonly number: number;
  readonly poolId: string | null;
  readonly trust: Trust;
  readonly labels: readonly string[];
  readonly priority: number;
  readonly status: AttemptStatus;
  readonly epoch: number;
  readonly runnerId: string | null;
  readonly pollId: string | null;
  readonly queuedAt: number;
  readonly expiresAt: number | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly cancelRequested: boolean;
  readonly result: AttemptResult | null;
  readonly log: string;
  readonly logSealed: 'no' | 'complete' | 'incomplete';
}

/** What a runner reports; `log` stands for the length and the SHA-256 it declares. */
export interface AttemptResult {
  readonly outcome: 'passed' | 'failed' | 'errored' | 'cancelled';
  readonly exitCode?: number;
  readonly image?: BuiltImage;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly generated?: string;
  readonly log: string;
}

export interface DeploymentIntent {
  readonly deploymentId: string;
  readonly lane: string;
  readonly runNumber: number;
  readonly digest: string;
  readonly target: string;
}

export interface DeploymentRow {
  readonly id: string;
  readonly laneId: string;
  readonly environmentId: string;
  readonly releaseId: string;
  readonly status: DeploymentStatus;
  readonly binding: string;
  /** The environment's target as it was approved. */
  readonly target: string;
  readonly intent: DeploymentIntent | null;
  readonly cursor: { readonly pending: boolean; readonly silentSince: number | null };
  readonly holder: string | null;
  readonly holderUntil: number;
}

export interface Messages {
  'plan-delivery': { deliveryId: string; actor: Actor; trust: Trust };
  'look-at-pool': { poolId: string };
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
  'run-deployment': { deploymentId: string };
  'rebind-lanes': { environmentId: string };
}
export type Topic = keyof Messages;

export interface OutboxRow {
  readonly id: string;
  readonly topic: Topic;
  readonly payload: Messages[Topic];
  readonly availableAt: number;
  readonly tries: number;
}

/** The unique keys of the schema, by the order in which a violation would be found. */
export const UNIQUE_KEYS: UniqueKeys<Tables> = {
  deliveries: ({ key }) => [key],
  runs: ({ serviceId, number, dedupeKey }) => [
    `${serviceId} ${number}`,
    dedupeKey === null ? undefined : `${serviceId} ${dedupeKey}`,
  ],
  attempts: ({ runId, jobKey, number }) => [`${runId} ${jobKey} ${number}`],
  releases: ({ runId }) => [runId],
  lanes: ({ serviceId, environmentId }) => [`${serviceId} ${environmentId}`],
  deployments: ({ laneId, releaseId, status }) => [
    `${laneId} ${releaseId}`,
    status === 'running' || status === 'unknown' ? laneId : undefined,
  ],
};
