// What a condition may speak of. The same names are checked against these types when the definition is read, and filled
// with facts when the condition is decided, by the engine for jobs and by the runner for steps.

/** Type of a name: text, a whole number, true/false, or names below it. */
export type ConditionType = 'text' | 'number' | 'boolean' | { readonly [name: string]: ConditionType };

export interface ConditionScope {
  readonly names: { readonly [name: string]: ConditionType };
  /** Why a path such as `commit.lint` or `inputs` is not there, one sentence with the remedy; others get a list. */
  readonly absent: ReadonlyMap<string, string>;
}

export type ConditionValue = string | number | boolean;

/** What a run is made of: known when it is planned, the same in every re-run. */
export interface EventFacts {
  /** What started the run: `push`, `tag`, `pull_request`, `schedule`, `manual`, `api` or `release`. */
  readonly event: string;
  /** Short names; empty when the run is of none. */
  readonly branch: string;
  readonly tag: string;
  /** For each pattern that the definition asks for: whether a changed path matches it. */
  readonly changed: Readonly<Record<string, boolean>>;
  readonly inputs: Readonly<Record<string, ConditionValue>>;
}

export interface JobFacts {
  readonly status: string;
  readonly outputs: Readonly<Record<string, string>>;
}

export interface ConditionFacts extends EventFacts {
  readonly matrix: Readonly<Record<string, string>>;
  /** Jobs that ended before, by stage and by the name that the file has. */
  readonly jobs: Readonly<Record<'commit' | 'build' | 'test', Readonly<Record<string, JobFacts>>>>;
  /** What the steps before have written; in conditions of steps only. */
  readonly outputs?: Readonly<Record<string, string>>;
}

export const EVENTS = ['push', 'tag', 'pull_request', 'schedule', 'manual', 'api', 'release'] as const;

/** The functions of conditions; each takes one pattern or text. */
export const CONDITION_FUNCTIONS = ['changed'] as const;
export const CONDITION_METHODS = ['startsWith', 'endsWith', 'contains'] as const;
