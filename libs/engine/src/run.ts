import type { StageName } from '@sluice/pipeline-spec';
import type { AttemptStatus, DeploymentStatus, Status } from './statuses.ts';
import type { JobKey, Plan, PlannedJob, Trust } from './plan.ts';

/** Version of run events and of the stored run state. */
export const RUN_VERSION = 2;

/** Times are ISO 8601 strings in UTC everywhere in the engine: they are stored as JSON and compared as text. */
export type Instant = string;

/** Who did something: a person, an API token acting for one, or Sluice itself. */
export interface Actor {
  readonly kind: 'user' | 'token' | 'system' | 'forge';
  /** User id where one is known; for `forge` an identity that is linked to no user has none. */
  readonly userId?: string;
  /** Shown name or login. */
  readonly name: string;
}

export interface RunTrigger {
  readonly kind: 'push' | 'tag' | 'pull_request' | 'manual' | 'rerun' | 'schedule' | 'release';
  /** Proven identity: the forge's pusher or the signed-in person, never the author line of a commit. */
  readonly by: Actor;
  /** For `rerun`. */
  readonly rerunOf?: string;
  readonly rerunScope?: RerunScope;
  /** For `schedule`: the time that had come. */
  readonly schedule?: { readonly cron: string; readonly timezone: string; readonly at: Instant };
  /** For `release`, and for re-runs of such a run. */
  readonly after?: {
    readonly service: string;
    readonly environment: string;
    readonly deploymentId: string;
    /** Services whose releases led here, oldest first; none of them is started again by this run's release. */
    readonly chain: readonly string[];
  };
}

/** The request to merge that a run is of; its texts are untrusted. */
export interface PullRequest {
  readonly number: number;
  readonly title: string;
  /** Short names of the branch that it comes from and of the one that it is for. */
  readonly source: string;
  readonly target: string;
  /** It comes from another repository, a fork. */
  readonly outside: boolean;
  /** Id of the forge's account that asked; a login may pass to somebody else. */
  readonly account: string;
}

/** What a re-run does anew; the rest is carried over with its outputs and the image. */
export type RerunScope =
  | { readonly kind: 'all' }
  /** What did not pass, and what depends on it. */
  | { readonly kind: 'failed' }
  /** A job, or all variants of one: `test/acceptance` or `test/acceptance[node=24]`. */
  | { readonly kind: 'job'; readonly job: string }
  | { readonly kind: 'stage'; readonly stage: StageName };

/** What a re-run takes over as it ended in an earlier run of the same plan. */
export interface CarriedWork {
  readonly fromRunId: string;
  readonly jobs: Readonly<Record<JobKey, CarriedJob>>;
  readonly image?: BuiltImage;
}

/** `carriedFrom` is set when that earlier run had taken the job over as well. */
export type CarriedJob = Pick<JobState, 'status' | 'outputs' | 'allowed' | 'reason' | 'carriedFrom'>;

export interface RunIdentity {
  readonly runId: string;
  readonly teamId: string;
  readonly serviceId: string;
  /** Per service, from 1. */
  readonly number: number;
  readonly ref: string;
  readonly commit: string;
  readonly message: string;
  readonly author: string;
  readonly trust: Trust;
  readonly trigger: RunTrigger;
  /** For runs of pull requests and their re-runs; such a run never makes a release. */
  readonly pullRequest?: PullRequest;
}

/** The image a build stage pushed. `digest` is the manifest digest the registry returned for the push. */
export interface BuiltImage {
  readonly repository: string;
  readonly digest: string;
}

export interface AttemptState {
  readonly id: string;
  readonly number: number;
  readonly status: AttemptStatus;
  readonly queuedAt: Instant;
  readonly startedAt?: Instant;
  readonly finishedAt?: Instant;
  readonly runner?: string;
  readonly reason?: string;
  readonly exitCode?: number;
}

export interface JobState {
  readonly key: JobKey;
  readonly status: Status;
  readonly attempts: readonly AttemptState[];
  readonly queuedAt?: Instant;
  readonly startedAt?: Instant;
  readonly finishedAt?: Instant;
  /** What the attempt that passed wrote, by declared name. */
  readonly outputs?: Readonly<Record<string, string>>;
  /** It failed or errored, and its definition allows that. */
  readonly allowed?: true;
  /** The next attempt is queued then; absent while one is open. */
  readonly retryAt?: Instant;
  /** The run that really did this work; set in re-runs. */
  readonly carriedFrom?: string;
  /** Closed vocabulary for machines plus one sentence for people, e.g. `{ code: 'exit-code', message: 'Step "npm test" ended with exit code 1.' }`. */
  readonly reason?: Reason;
}

export interface Reason {
  readonly code: string;
  readonly message: string;
}

export interface StageState {
  readonly status: Status;
  readonly startedAt?: Instant;
  readonly finishedAt?: Instant;
  /** Its time had run out before all of its jobs had ended: it has failed, whatever they say. */
  readonly overdueAt?: Instant;
  readonly reason?: Reason;
  /** It passed although something in it did not. */
  readonly warning?: Reason;
}

/** The run's mirror of one lane; the lane itself is the truth. */
export interface LaneMirror {
  readonly environment: string;
  /** `queued` = the release has not come here yet; `skipped` = it never will. */
  readonly status: DeploymentStatus | 'queued' | 'skipped';
  readonly deploymentId?: string;
  readonly since?: Instant;
  readonly reason?: Reason;
  /** Version of the lane at its last word; older words are ignored. */
  readonly laneVersion?: number;
}

export interface RunState extends RunIdentity {
  readonly schemaVersion: typeof RUN_VERSION;
  /** Number of events applied; the expected version of the next write. */
  readonly version: number;
  readonly status: Status;
  readonly plan: Plan;
  /** Why the definition could not be used: its check is the first act of the commit stage, so that stage has failed. */
  readonly refused?: Reason;
  readonly stages: Readonly<Record<StageName, StageState>>;
  readonly jobs: Readonly<Record<JobKey, JobState>>;
  readonly image?: BuiltImage;
  readonly releaseId?: string;
  /** In promotion order, one per planned environment. */
  readonly lanes: readonly LaneMirror[];
  readonly createdAt: Instant;
  /** Why nothing of it begins before a person has let it go. */
  readonly held?: Reason;
  readonly admitted?: { readonly by: Actor; readonly at: Instant };
  readonly startedAt?: Instant;
  readonly finishedAt?: Instant;
  readonly cancelRequested?: {
    readonly by: Actor;
    readonly at: Instant;
    readonly reason?: string;
    /** Number of the run that took its place: it then ends as superseded. */
    readonly supersededBy?: number;
  };
  readonly reason?: Reason;
}

export type RunCommand =
  /** `refused`: the definition could not be used; the plan is then empty and the run ends at once as failed. */
  | {
      readonly type: 'create';
      readonly identity: RunIdentity;
      readonly plan: Plan;
      readonly refused?: Reason;
      /** For a re-run: what `planRerun` gave. */
      readonly carried?: CarriedWork;
      readonly held?: Reason;
    }
  /** A person who may do so has looked at this commit and lets the held run begin. */
  | { readonly type: 'admit'; readonly by: Actor; readonly commit: string }
  /** Time has passed: `nextWakeAt` of the run has come. */
  | { readonly type: 'wake' }
  /** A runner confirmed that it began; epoch checks happened on the attempt row. */
  | { readonly type: 'attempt-started'; readonly jobKey: JobKey; readonly attemptId: string; readonly runner: string }
  | {
      readonly type: 'attempt-ended';
      readonly jobKey: JobKey;
      readonly attemptId: string;
      readonly outcome: 'passed' | 'failed' | 'errored' | 'lost' | 'cancelled';
      readonly reason?: Reason;
      readonly exitCode?: number;
      /** Required when `build/image` passed. */
      readonly image?: BuiltImage;
      /** What its steps wrote to the file of outputs. */
      readonly outputs?: Readonly<Record<string, string>>;
      /** Required when a job passed that generates: what `planGenerated` made of its checked fragment. */
      readonly generated?: readonly PlannedJob[];
    }
  | { readonly type: 'cancel'; readonly by: Actor; readonly reason?: string }
  /** There is a newer run of the same service and ref, made by this kind of event. */
  | { readonly type: 'supersede'; readonly number: number; readonly event: string; readonly trust: Trust }
  /** The release was made (or was found already made: the command is idempotent). */
  | { readonly type: 'release-made'; readonly releaseId: string }
  | {
      readonly type: 'lane-changed';
      readonly environment: string;
      readonly deploymentId: string;
      readonly status: DeploymentStatus;
      readonly reason?: Reason;
      /** Version of the lane when it said so; an older word than one already heard is ignored. */
      readonly laneVersion: number;
    };

export type RunEvent = { readonly v: typeof RUN_VERSION; readonly at: Instant } & (
  | {
      readonly type: 'run-created';
      readonly identity: RunIdentity;
      readonly plan: Plan;
      readonly refused?: Reason;
      readonly carried?: CarriedWork;
      readonly held?: Reason;
    }
  | { readonly type: 'run-admitted'; readonly by: Actor }
  | { readonly type: 'run-started' }
  | { readonly type: 'stage-started'; readonly stage: StageName }
  | { readonly type: 'stage-overdue'; readonly stage: StageName }
  | {
      readonly type: 'stage-ended';
      readonly stage: StageName;
      readonly status: Status;
      readonly reason?: Reason;
      readonly warning?: Reason;
    }
  /** The attempt before ended badly, and the next one is queued at `readyAt`. */
  | {
      readonly type: 'retry-scheduled';
      readonly jobKey: JobKey;
      readonly number: number;
      readonly readyAt: Instant;
      readonly reason: Reason;
    }
  | { readonly type: 'attempt-queued'; readonly jobKey: JobKey; readonly attemptId: string; readonly number: number }
  | { readonly type: 'attempt-started'; readonly jobKey: JobKey; readonly attemptId: string; readonly runner: string }
  | {
      readonly type: 'attempt-ended';
      readonly jobKey: JobKey;
      readonly attemptId: string;
      readonly status: AttemptStatus;
      readonly reason?: Reason;
      readonly exitCode?: number;
    }
  | {
      readonly type: 'job-ended';
      readonly jobKey: JobKey;
      readonly status: Status;
      readonly reason?: Reason;
      readonly outputs?: Readonly<Record<string, string>>;
      readonly allowed?: true;
    }
  /** They join the plan, before the job that generated them ends; only in runs whose definition asks for it. */
  | { readonly type: 'jobs-generated'; readonly jobKey: JobKey; readonly jobs: readonly PlannedJob[] }
  | { readonly type: 'image-recorded'; readonly image: BuiltImage }
  | {
      readonly type: 'cancel-requested';
      readonly by: Actor;
      readonly reason?: string;
      readonly supersededBy?: number;
    }
  | { readonly type: 'release-made'; readonly releaseId: string }
  | {
      readonly type: 'lane-changed';
      readonly environment: string;
      readonly deploymentId: string;
      readonly status: DeploymentStatus;
      readonly reason?: Reason;
      readonly laneVersion: number;
    }
  | { readonly type: 'run-ended'; readonly status: Status; readonly reason?: Reason }
);

/**
 * What the shell must do in the same transaction (`attempt-*`: rows) or by outbox after it (the rest).
 * Each is idempotent by its ids.
 */
export type RunEffect =
  | { readonly type: 'queue-attempt'; readonly jobKey: JobKey; readonly attemptId: string; readonly number: number }
  | { readonly type: 'cancel-attempt'; readonly jobKey: JobKey; readonly attemptId: string }
  | { readonly type: 'make-release' }
  | { readonly type: 'withdraw-release'; readonly releaseId: string };

/** `ignored`: the command is a repetition or too late and changes nothing; `rejected`: the caller is told (409). */
export type Decision<Event, Effect> =
  | { readonly kind: 'accepted'; readonly events: readonly Event[]; readonly effects: readonly Effect[] }
  | { readonly kind: 'ignored'; readonly why: string }
  | { readonly kind: 'rejected'; readonly code: string; readonly message: string };

/** Time and ids come from outside. `newId` gives the ids of attempts, in the order of the events. */
export interface DecideContext {
  readonly now: Instant;
  newId(): string;
}
