import type {
  ConditionValue,
  Definition,
  EventFacts,
  ImageBuildSpec,
  JobSpec,
  JobVariant,
  RetryPolicy,
  StageName,
  When,
} from '@sluice/pipeline-spec';

/** Stored with every run and event stream; a newer version than the code knows is refused, older ones are upcast. */
export const PLAN_VERSION = 2;

/**
 * `<stage>/<job name>`, unique in a plan; the first `/` parts them, since a variant may hold more: `test/app[image=a/b:1]`.
 * The build stage has the one job `build/image`.
 */
export type JobKey = `${StageName}/${string}`;

export interface Plan {
  readonly schemaVersion: typeof PLAN_VERSION;
  readonly service: string;
  /** Full commit sha. */
  readonly commit: string;
  /** What conditions are decided by, besides what came of earlier jobs. */
  readonly facts: EventFacts;
  /** Absent = its runs know no limit and no newer one ends them. */
  readonly concurrency?: PlannedConcurrency;
  /** Absent = what the server gives. */
  readonly priority?: 'background';
  /** Seconds from the start of a stage; absent = no limit of its own. */
  readonly stageTimeouts: Readonly<Partial<Record<Exclude<StageName, 'release'>, number>>>;
  /** In stage order, then in the order of the file. */
  readonly jobs: readonly PlannedJob[];
  /** Environments in promotion order; empty when the definition releases nothing. */
  readonly release: readonly { readonly environment: string }[];
}

export interface PlannedConcurrency {
  /** Most runs at once of those that name the group, or of the service's own. */
  readonly limit?: { readonly group?: string; readonly max: number };
  /** A newer push to the same ref ends the run. */
  readonly cancel?: 'superseded';
}

export interface PlannedJob {
  readonly key: JobKey;
  readonly stage: Exclude<StageName, 'release'>;
  readonly name: string;
  /** Keys of jobs of the same stage; the order of stages needs no edge. */
  readonly needs: readonly JobKey[];
  /** How its needs must have ended. */
  readonly when: When;
  /** Decided when its needs have ended; false = skipped. */
  readonly if?: string;
  readonly allowFailure: boolean;
  /** Names that an attempt must have written to pass. */
  readonly outputs: readonly string[];
  readonly variant?: JobVariant;
  /** The job of this stage that generated it; absent = the definition has it. */
  readonly generatedBy?: JobKey;
  /** What its steps generate is in the plan: neither a retry nor a re-run generates once more. */
  readonly generated?: true;
  readonly work:
    { readonly kind: 'steps'; readonly spec: JobSpec } | { readonly kind: 'image'; readonly spec: ImageBuildSpec };
  readonly labels: readonly string[];
  readonly secrets: readonly string[];
  readonly timeoutSeconds: number;
  readonly retry: RetryPolicy;
}

/** Where the change came from. Untrusted runs get no secrets, no trusted cache, no trusted runner and make no release. */
export type Trust = 'trusted' | 'untrusted';

export interface PlanInput {
  readonly definition: Definition;
  readonly commit: string;
  readonly event: PlanEvent;
}

/** Why the run is made. */
export interface PlanEvent {
  readonly event: string;
  /** `refs/heads/...` or `refs/tags/...`; of neither, the run has no branch and no tag. */
  readonly ref: string;
  /** Paths of the repository that differ; null = not known, so everything counts as changed. */
  readonly changedPaths: readonly string[] | null;
  /** What a person chose; the rest have their defaults. */
  readonly inputs?: Readonly<Record<string, ConditionValue>>;
}
