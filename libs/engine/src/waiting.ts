import type { PoolRequirement } from './choose-pool.ts';
import type { Contributor, LaneState } from './lane.ts';
import type { JobKey } from './plan.ts';
import type { Instant, RunState } from './run.ts';

export const WAITING_CODES = [
  'held',
  'earlier-stage',
  'needs-job',
  'retry-pause',
  'no-pool',
  'no-runner',
  'no-host-runner',
  'group',
  'service-limit',
  'team-limit',
  'fair-share',
  'runner-busy',
  'starting',
  'cancelling',
  'release',
  'earlier-environment',
  'approval',
  'behind-deployment',
  'earlier-release',
  'target',
] as const;

/** Why something waits, since when, and what would end it: everything that waits must be able to say so (I07). docs/guides/waiting.md lists them. */
export interface WaitingCause {
  readonly code: (typeof WAITING_CODES)[number];
  readonly message: string;
  readonly since: Instant;
  readonly endedBy: string;
}

/** An attempt that is ready and has no runner. */
export interface QueuedAttempt {
  readonly kind: 'attempt';
  readonly requirement: PoolRequirement;
  /** Only a runner that offers its machine itself will do; absent = in a container. */
  readonly host?: boolean;
  readonly readyAt: Instant;
  /** The pool that `choosePool` gave; absent when none fits. */
  readonly pool?: {
    readonly name: string;
    /** Runners seen lately that take jobs; for one on the host, only those that offer that. */
    readonly runnersOnline: number;
    /** Those seen lately that take jobs, but none on the host; absent = none, or it is not asked for. */
    readonly withoutHost?: number;
    /** Those seen lately that take none, with the reason they give (null: they are told to end). */
    readonly unfit?: readonly { readonly name: string; readonly trouble: string | null }[];
    /** What the first could take up now; absent = none. */
    readonly freeSlots?: number;
    /** Ready attempts of the same team that are served before this one. */
    readonly ahead: number;
  };
  /** Where its run stands in its group; absent = in none, or admitted. */
  readonly group?: {
    /** As people know it; absent = the runs of its service. */
    readonly name?: string;
    readonly max: number;
    /** `catalog #12`: runs that have runners' time. */
    readonly holders: readonly string[];
    /** Runs that wait before it, first come first. */
    readonly before: readonly string[];
  };
  /** The limits that are reached. */
  readonly limits?: readonly { readonly of: 'service' | 'team'; readonly name: string; readonly max: number }[];
  /** What the teams that wait in this pool have running in all pools. */
  readonly share?: {
    readonly own: number;
    /** The fewest of another team that waits here too; absent = nobody else does. */
    readonly fewest?: number;
  };
}

export interface HeldDeployment {
  readonly kind: 'deployment';
  readonly lane: Pick<LaneState, 'open' | 'settings' | 'environment'>;
  readonly deploymentId: string;
  /** Hands in the change as they are known now; absent = the lane itself knows them from the last approval. */
  readonly contributors?: readonly Contributor[];
}

/** A job without an attempt that waits or runs. */
export interface WaitingJob {
  readonly kind: 'job';
  readonly state: RunState;
  readonly jobKey: JobKey;
}

/** An environment that the release of a run has not come to. */
export interface WaitingEnvironment {
  readonly kind: 'environment';
  readonly state: RunState;
  readonly environment: string;
}

/** A run that nobody has let go yet. */
export interface HeldRun {
  readonly kind: 'held';
  readonly state: RunState;
}

/** A run that was called off and has not come to its end. */
export interface CancelledRun {
  readonly kind: 'cancel';
  readonly state: RunState;
}

export type Waiting = QueuedAttempt | HeldDeployment | WaitingJob | WaitingEnvironment | HeldRun | CancelledRun;
