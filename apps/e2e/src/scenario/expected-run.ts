import { z } from 'zod';

/** How one job is expected to stand. */
const expectedJob = z.strictObject({
  status: z.string().optional(),
  /** Code of its reason. */
  reason: z.string().optional(),
  exitCode: z.number().int().optional(),
  /** Statuses of its attempts, in order. */
  attempts: z.array(z.string()).optional(),
  /** Why it waits, as a code. */
  waiting: z.string().optional(),
});

/** What a run should look like; only what is named is compared. */
export const expectedRun = z.strictObject({
  service: z.string().optional(),
  /** A run's number, or the name of the push whose commit it runs (the newest such run). Default: the last push. */
  run: z.union([z.number().int().min(1), z.string()]).optional(),
  status: z.string().optional(),
  /** Code of its reason. */
  reason: z.string().optional(),
  /** Part of the sentence of its reason. */
  says: z.string().optional(),
  trigger: z.enum(['push', 'tag', 'pull_request', 'manual', 'rerun', 'schedule', 'release']).optional(),
  trust: z.enum(['trusted', 'untrusted']).optional(),
  /** Why the run waits, as a code. */
  waiting: z.string().optional(),
  /** Name of the push whose commit it runs. */
  commit: z.string().optional(),
  stages: z.partialRecord(z.enum(['commit', 'build', 'test', 'release']), z.string()).optional(),
  jobs: z.record(z.string(), z.union([z.string(), expectedJob])).optional(),
  /** Environment -> status of its deployment. */
  lanes: z.record(z.string(), z.string()).optional(),
  tests: z.strictObject({ passed: z.number(), failed: z.number(), skipped: z.number() }).optional(),
  /** Problems of the definition, in the file's order. */
  findings: z.array(z.strictObject({ line: z.number(), rule: z.string(), says: z.string().optional() })).optional(),
  /** `pushed`: the digest on the run is the one the registry has for this commit. `none`: nothing was built. */
  image: z.enum(['pushed', 'none']).optional(),
});
export type ExpectedRun = z.infer<typeof expectedRun>;

/** What should be true at the end of a scenario, or at a point on its way. */
export const expectation = z.strictObject({
  runs: z.array(expectedRun).default([]),
  /** Number of runs of each service. */
  runCount: z.record(z.string(), z.number().int()).default({}),
  /** Environment -> what its one running container serves: the name of a push, or `nothing`. */
  live: z
    .array(z.strictObject({ service: z.string().optional(), environment: z.string(), serves: z.string() }))
    .default([]),
  /** Number of deployments that a service's lane has ever had. */
  deployments: z
    .array(z.strictObject({ service: z.string().optional(), environment: z.string(), count: z.number().int() }))
    .default([]),
  /** No container, network or volume of an attempt is left in the engine. */
  noLeftovers: z.boolean().default(true),
});
export type Expectation = z.infer<typeof expectation>;
