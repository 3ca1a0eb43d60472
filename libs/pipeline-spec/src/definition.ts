/**
 * The checked form of a `sluice.yaml`: defaults filled in, every list present, durations in seconds.
 * This is what a run stores and what the planner reads; the file's own spelling never travels further.
 */

/** Raised when the shape below changes; a stored definition of a newer version than the code knows is refused. */
export const DEFINITION_VERSION = 2;

export const STAGES = ['commit', 'build', 'test', 'release'] as const;
export type StageName = (typeof STAGES)[number];

export interface Definition {
  readonly schemaVersion: typeof DEFINITION_VERSION;
  readonly service: string;
  /** Owner named in the file; the control plane's registration wins when they differ. */
  readonly team?: string;
  readonly on: Triggers;
  readonly concurrency?: ConcurrencySpec;
  /** Its jobs wait for all others of the team; a definition can only lower what it is given. */
  readonly priority?: 'background';
  /** Absent stages are skipped, in order; `release` needs `build`. */
  readonly commit?: JobStage;
  readonly build?: BuildStage;
  readonly test?: JobStage;
  readonly release: readonly ReleaseEntry[];
}

/** How runs of this service get along with each other, and with those of the team's other services. */
export interface ConcurrencySpec {
  /** Shared by the team's services that name it; absent = this service's runs alone. */
  readonly group?: string;
  /** Most runs of the group that use runners at once, from 1; absent = no limit. */
  readonly max?: number;
  /** Whether a newer push to the same ref ends a run; absent = `superseded` for pull requests, `none` for everything else. */
  readonly cancel?: 'superseded' | 'none';
}

export interface Triggers {
  /** Branch patterns (`main`, `release/*`); null when pushes start no run. */
  readonly push: { readonly branches: readonly string[] } | null;
  /** Branches that a pull request is merged into. */
  readonly pullRequest: { readonly branches: readonly string[] } | null;
  /** Patterns of tag names; absent when tags start no run. */
  readonly tag?: { readonly patterns: readonly string[] };
  /** Path globs of the service inside its repository; empty = every change concerns it. */
  readonly paths: readonly string[];
  /** A person may start a run by hand. */
  readonly manual: boolean;
  /** What that person may choose, by name; every other event has the defaults. */
  readonly inputs: Readonly<Record<string, InputSpec>>;
  /** Their names in the order of the file, which JSON in a database does not keep; absent = one, none, or nobody knows. */
  readonly inputOrder?: readonly string[];
  /** Absent = none. What counts is the file on the default branch. */
  readonly schedule?: readonly ScheduleSpec[];
  /** Releases of other services of the team that start a run, once they are live; absent = none. */
  readonly release?: readonly ReleaseTrigger[];
}

export interface ScheduleSpec {
  /** Five fields. */
  readonly cron: string;
  /** IANA name. */
  readonly timezone: string;
  /** Absent = the default branch. */
  readonly branch?: string;
}

export interface ReleaseTrigger {
  readonly service: string;
  /** Absent = the last environment of that service's route. */
  readonly environment?: string;
}

/** A value of a run that a person starts: `inputs.<name>` in conditions, `INPUT_<NAME>` in the steps. */
export type InputSpec = { readonly description?: string } & (
  | { readonly type: 'text'; readonly default: string }
  | { readonly type: 'number'; readonly default: number }
  | { readonly type: 'boolean'; readonly default: boolean }
  | { readonly type: 'choice'; readonly options: readonly string[]; readonly default: string }
);

export interface JobStage {
  /** From the start of the stage, waiting for runners included. */
  readonly timeoutSeconds?: number;
  /** By name. A job with a matrix stands here once per variant: `acceptance[node=24]`. */
  readonly jobs: Readonly<Record<string, JobSpec>>;
}

/** `success`: all needs, or all steps before, have passed; `failure`: one of them has not; `always`: they have ended. */
export const WHEN = ['success', 'failure', 'always'] as const;
export type When = (typeof WHEN)[number];

export interface JobSpec {
  /** OCI reference, or `built` = the digest that this run's build stage pushed (test stage only); absent = no container, on the runner's machine itself. */
  readonly image?: string;
  readonly steps: readonly StepSpec[];
  /** Names of jobs of the same stage that must end first; a job with a matrix is named by all its variants. */
  readonly needs: readonly string[];
  readonly when: When;
  /** A checked condition; false = the job is skipped. */
  readonly if?: string;
  /** A failure of this job does not fail its stage. */
  readonly allowFailure: boolean;
  /** Names that the steps write to the file `$SLUICE_OUTPUT`. */
  readonly outputs: readonly string[];
  /** The variant of a job with a matrix. */
  readonly variant?: JobVariant;
  /** Includes the variant's `MATRIX_*`. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables that hold outputs of jobs that ended before this one. */
  readonly envFrom: Readonly<Record<string, OutputReference>>;
  /** Names of secrets the control plane hands to this job; nothing else is ever bound. */
  readonly secrets: readonly string[];
  readonly services: Readonly<Record<string, ServiceContainerSpec>>;
  /** Labels a runner must have been granted. */
  readonly labels: readonly string[];
  readonly timeoutSeconds: number;
  readonly retry: RetryPolicy;
  /** Globs of JUnit XML files below the checkout. */
  readonly reports: { readonly junit: readonly string[] };
  readonly resources: Resources;
  /** What the job leaves behind; absent = nothing. */
  readonly artifacts?: readonly ArtifactSpec[];
  /** Artifacts of jobs that ended before this one, put into the workspace; absent = none. */
  readonly use?: readonly ArtifactReference[];
  readonly cache?: readonly CacheSpec[];
  /** Its steps write further jobs of its own stage to this file, below the service's folder; absent = none. */
  readonly generate?: { readonly file: string };
}

export interface ArtifactSpec {
  readonly name: string;
  /** Patterns below the service's folder; a plain path means the file, or the folder with everything below. */
  readonly paths: readonly string[];
}

/** `commit.compile.artifacts.dist` in the file. */
export interface ArtifactReference {
  readonly stage: 'commit' | 'test';
  readonly job: string;
  readonly artifact: string;
}

export interface CacheSpec {
  /** Taken as it stands; the hash of `files` follows it. */
  readonly key: string;
  readonly files: readonly string[];
  /** As for artifacts. */
  readonly paths: readonly string[];
  /** Beginnings of keys, in the order in which they are tried. */
  readonly restore: readonly string[];
}

export interface JobVariant {
  /** Name of the job as the file has it. */
  readonly of: string;
  /** Axis to value, in the order of the file. */
  readonly values: Readonly<Record<string, string>>;
}

/** `commit.verify.outputs.url` in the file. */
export interface OutputReference {
  readonly stage: 'commit' | 'test';
  readonly job: string;
  readonly output: string;
}

export interface StepSpec {
  readonly name: string;
  /** Shell text run by `sh -e` of the image (or of the runner's machine); never templated. */
  readonly run: string;
  readonly when: When;
  readonly if?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly envFrom: Readonly<Record<string, OutputReference>>;
  readonly timeoutSeconds?: number;
}

export interface ServiceContainerSpec {
  readonly image: string;
  readonly port?: number;
  /** HTTP path polled on `port` until it answers 2xx; without it a TCP connect on `port` counts. */
  readonly healthy?: string;
  /** Words for the image's entrypoint; absent = the image's own. */
  readonly command?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface RetryPolicy {
  readonly on: readonly RetryReason[];
  /** Exit codes of a failed step after which the job is tried again, even when `on` lacks `failed`. */
  readonly exit: readonly number[];
  /** Attempts beyond the first. */
  readonly times: number;
  /** Pause before the first further attempt; 0 = at once. */
  readonly delaySeconds: number;
  /** Each pause is the one before times this. */
  readonly factor: number;
}
export type RetryReason = 'lost' | 'errored' | 'failed';

export interface Resources {
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly pids: number;
}

export interface BuildStage {
  readonly timeoutSeconds?: number;
  readonly image: ImageBuildSpec;
}

export interface ImageBuildSpec {
  /** Folder inside the service's folder. */
  readonly context: string;
  /** Path below `context`. */
  readonly dockerfile: string;
  /** `host[:port]/path` without tag or digest. */
  readonly repository: string;
  /** A checked condition; false = no image is built, and what needs it is skipped. */
  readonly if?: string;
  readonly target?: string;
  readonly args: Readonly<Record<string, string>>;
  readonly platforms: readonly string[];
  /** Secrets for registry credentials or build arguments are never baked in; only declared names reach the build job. */
  readonly secrets: readonly string[];
  readonly labels: readonly string[];
  readonly timeoutSeconds: number;
  readonly retry: RetryPolicy;
}

export interface ReleaseEntry {
  readonly environment: string;
}

/** One thing wrong (or doubtful) in a definition, always with its place in the file. Lines and columns start at 1. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  /** Stable kebab-case rule id, e.g. `unknown-key`, `needs-cycle`, `alias-limit`. */
  readonly rule: string;
  /** What is wrong and what to write instead, one sentence. */
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Dotted path, e.g. `test.jobs.acceptance.image`. */
  readonly path: string;
  /** Relative docs link, e.g. `docs/reference/definition.md#needs-cycle`. */
  readonly docs: string;
}

/** `jobs` is present exactly when no finding has severity `error`; by name, with variants as in a definition. */
export interface CheckedFragment {
  readonly jobs?: Readonly<Record<string, JobSpec>>;
  readonly findings: readonly Finding[];
}

/** `definition` is present exactly when no finding has severity `error`. */
export interface CheckedDefinition {
  readonly definition?: Definition;
  readonly findings: readonly Finding[];
}
