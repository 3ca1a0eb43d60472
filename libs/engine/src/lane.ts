import type { Actor, BuiltImage, Instant, Reason } from './run.ts';
import type { DeploymentStatus } from './statuses.ts';

export const LANE_VERSION = 1;

export const ROLES = ['viewer', 'developer', 'release-manager', 'admin'] as const;
/** Roles are per team; each holds the rights of those before it except that only named roles open gates. */
export type Role = (typeof ROLES)[number];

export interface GateRule {
  /** How many distinct people must approve; 0 = the gate is open. */
  readonly approvals: number;
  /** Roles of the owning team that may approve. */
  readonly roles: readonly Role[];
  /** Nobody who pushed, triggered, re-ran or authored part of the change may approve it. */
  readonly noSelfApproval: boolean;
}

/** The part of an environment's settings that the lane's decisions depend on. */
export interface LaneSettings {
  readonly gate: GateRule;
  /** false = every release is deployed, in the order of its run; otherwise a newer one takes the place of those that still wait. */
  readonly supersede?: boolean;
  /** SHA-256 over the full settings of the environment (target included). */
  readonly settingsHash: string;
}

/**
 * Someone with a hand in the change since what is live.
 * `userId` is absent when the identity is linked to nobody: it is shown, and no approver is independent of it by guess.
 */
export interface Contributor {
  readonly part: 'pushed' | 'triggered' | 'authored';
  readonly identity: string;
  readonly userId?: string;
}

export interface OfferedRelease {
  readonly releaseId: string;
  readonly runId: string;
  readonly runNumber: number;
  readonly commit: string;
  readonly image: BuiltImage;
  /** Hash of definition and plan. */
  readonly planHash: string;
}

export interface Approval {
  readonly userId: string;
  readonly name: string;
  readonly at: Instant;
  readonly note?: string;
}

/** One release in one lane, from its entry to its end. */
export interface LaneDeployment {
  readonly id: string;
  readonly release: OfferedRelease;
  readonly status: DeploymentStatus;
  /** SHA-256 of digest, plan hash and settings hash: what an approval is bound to. A change voids approvals (I17). */
  readonly binding: string;
  readonly approvals: readonly Approval[];
  /** Proven hands that were linked to nobody when the last approval was given; the gate needs one more for each. Absent = none. */
  readonly unlinked?: readonly Contributor[] | undefined;
  readonly requestedBy: Actor;
  readonly enteredAt: Instant;
  readonly startedAt?: Instant;
  readonly finishedAt?: Instant;
  readonly reason?: Reason;
}

export interface LiveRelease {
  readonly deploymentId: string;
  readonly release: OfferedRelease;
  readonly since: Instant;
}

export interface LaneState {
  readonly schemaVersion: typeof LANE_VERSION;
  readonly version: number;
  readonly laneId: string;
  readonly teamId: string;
  readonly serviceId: string;
  readonly environment: string;
  readonly settings: LaneSettings;
  /** Open deployments only (waiting, running, unknown), oldest first; ended ones live in history rows. */
  readonly open: readonly LaneDeployment[];
  readonly live?: LiveRelease;
  /** Releases whose deployment here has ended, newest last, the last hundred: an offer that is delivered again changes nothing. */
  readonly endedReleases?: readonly string[];
}

export type LaneCommand =
  | {
      readonly type: 'open-lane';
      readonly laneId: string;
      readonly teamId: string;
      readonly serviceId: string;
      readonly environment: string;
      readonly settings: LaneSettings;
    }
  /** A release wants in. The same (release, lane) offered twice is ignored. A newer one supersedes older ones that still wait. */
  | {
      readonly type: 'offer';
      readonly deploymentId: string;
      readonly release: OfferedRelease;
      readonly binding: string;
      readonly requestedBy: Actor;
    }
  /** Environment settings changed: bindings are computed anew, approvals given before are void. */
  | {
      readonly type: 'change-settings';
      readonly settings: LaneSettings;
      readonly bindings: Readonly<Record<string, string>>;
    }
  /**
   * Those who approved what waits here, with their roles at this moment. Sent before anything that may open a gate later
   * than its last approval, such as the end of the deployment that it waited behind (I16).
   */
  | { readonly type: 'recheck-approvers'; readonly people: readonly Approver[] }
  | {
      readonly type: 'approve';
      readonly deploymentId: string;
      readonly by: Approver;
      /** What the person saw. */
      readonly binding: string;
      readonly contributors: ContributorFacts;
      /** Those who approved before, with their roles at this moment: an approval counts only while its person may give it. */
      readonly earlier: readonly Approver[];
      readonly note?: string;
    }
  | {
      readonly type: 'reject';
      readonly deploymentId: string;
      readonly by: Approver;
      readonly binding: string;
      readonly reason: string;
    }
  /** The run was cancelled or a person took the release back; only a waiting deployment can be withdrawn. */
  | { readonly type: 'withdraw'; readonly releaseId: string; readonly by: Actor }
  | {
      readonly type: 'deployment-ended';
      readonly deploymentId: string;
      readonly outcome: 'passed' | 'failed' | 'errored' | 'rolled-back';
      readonly reason?: Reason;
    }
  /** The target cannot tell; the lane stays held until a look-up ends it. */
  | { readonly type: 'deployment-unknown'; readonly deploymentId: string; readonly reason: Reason };

export interface Approver {
  readonly userId: string;
  readonly name: string;
  /** Roles in the lane's team at this moment. */
  readonly roles: readonly Role[];
}

/** Contributors between what is live and the release; valid only for the live deployment they were computed against. */
export interface ContributorFacts {
  readonly since: string | null;
  readonly contributors: readonly Contributor[];
}

export type LaneEvent = { readonly v: typeof LANE_VERSION; readonly at: Instant } & (
  | {
      readonly type: 'lane-opened';
      readonly laneId: string;
      readonly teamId: string;
      readonly serviceId: string;
      readonly environment: string;
      readonly settings: LaneSettings;
    }
  | { readonly type: 'release-entered'; readonly deployment: LaneDeployment }
  | {
      readonly type: 'settings-changed';
      readonly settings: LaneSettings;
      readonly bindings: Readonly<Record<string, string>>;
    }
  /** A second one of the same person takes the place of the first: what is known of the hands in the change may be another. */
  | {
      readonly type: 'approved';
      readonly deploymentId: string;
      readonly approval: Approval;
      /** Proven hands in the change that are linked to nobody; absent = none. */
      readonly unlinked?: readonly Contributor[];
    }
  /** Their people may not approve here any more: the role is gone, or the person is disabled. */
  | { readonly type: 'approvals-lapsed'; readonly deploymentId: string; readonly userIds: readonly string[] }
  | { readonly type: 'rejected'; readonly deploymentId: string; readonly by: Approver; readonly reason: string }
  | { readonly type: 'deployment-started'; readonly deploymentId: string }
  | { readonly type: 'deployment-unknown'; readonly deploymentId: string; readonly reason: Reason }
  | {
      readonly type: 'deployment-ended';
      readonly deploymentId: string;
      readonly status: DeploymentStatus;
      readonly reason?: Reason;
    }
);

export type LaneEffect =
  /** Write the intent row and wake the deploy controller. */
  | { readonly type: 'start-deployment'; readonly deploymentId: string }
  /** Tell the run that made the release; carried with the lane's version. */
  | {
      readonly type: 'tell-run';
      readonly runId: string;
      readonly environment: string;
      readonly deploymentId: string;
      readonly status: DeploymentStatus;
      readonly reason?: Reason;
    }
  /** The release is live here: offer it to the next environment of its route. */
  | { readonly type: 'advance-release'; readonly releaseId: string; readonly from: string };
