import type { Definition, ImageBuildSpec, JobSpec, RetryPolicy, StageName } from '@sluice/pipeline-spec';

/** Stored with every run and event stream; a newer version than the code knows is refused, older ones are upcast. */
export const PLAN_VERSION = 1;

/** `<stage>/<job name>`, unique in a plan. The build stage has the one job `build/image`. */
export type JobKey = `${StageName}/${string}`;

export interface Plan {
  readonly schemaVersion: typeof PLAN_VERSION;
  readonly service: string;
  /** Full commit sha. */
  readonly commit: string;
  /** In stage order, then in the order of the file. */
  readonly jobs: readonly PlannedJob[];
  /** Environments in promotion order; empty when the definition releases nothing. */
  readonly release: readonly { readonly environment: string }[];
}

export interface PlannedJob {
  readonly key: JobKey;
  readonly stage: Exclude<StageName, 'release'>;
  readonly name: string;
  /** Keys of jobs of the same stage; the order of stages needs no edge. */
  readonly needs: readonly JobKey[];
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
}
