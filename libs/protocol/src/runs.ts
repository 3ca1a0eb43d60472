import { oc } from '@orpc/contract';
import { z } from 'zod';
import { commitStatus, repositoryStatuses } from './statuses.ts';
import {
  actor,
  attemptStatus,
  deploymentStatus,
  digest,
  id,
  instant,
  ok,
  page,
  pageQuery,
  priority,
  reason,
  sha,
  slug,
  stageName,
  status,
  trust,
  waiting,
} from './values.ts';
import { keepRequest } from './debug.ts';
import { removed } from './retention.ts';

export const stageCell = z.object({
  stage: stageName,
  status,
  startedAt: instant.nullable(),
  finishedAt: instant.nullable(),
  /** A few words for the cell: what failed or what it waits for; null when the duration says it all. */
  label: z.string().nullable(),
  /** What did not pass in a stage that did, one sentence. */
  warning: z.string().optional(),
});
/** The request to merge that a run is of. `outside`: it comes from a fork. */
export const pullRequest = z.object({
  number: z.number().int(),
  title: z.string(),
  source: z.string(),
  target: z.string(),
  outside: z.boolean(),
});
export const runSummary = z.object({
  id,
  service: slug,
  team: slug,
  number: z.number().int(),
  status,
  ref: z.string(),
  commit: z.string(),
  message: z.string(),
  author: z.string(),
  trust,
  trigger: z.object({
    kind: z.enum(['push', 'tag', 'pull_request', 'manual', 'rerun', 'schedule', 'release']),
    by: actor,
    rerunOf: z.string().optional(),
    schedule: z.object({ cron: z.string(), timezone: z.string(), at: instant }).optional(),
    /** The release that was waited for. */
    after: z.object({ service: slug, environment: slug }).optional(),
  }),
  pullRequest: pullRequest.optional(),
  stages: z.array(stageCell),
  createdAt: instant,
  startedAt: instant.nullable(),
  finishedAt: instant.nullable(),
  reason: reason.nullable(),
});
export const stepDetail = z.object({
  index: z.number().int(),
  name: z.string(),
  status,
  startedAt: instant.nullable(),
  finishedAt: instant.nullable(),
  exitCode: z.number().int().nullable(),
  /** Byte offset in the attempt's log where the step's output begins. */
  logOffset: z.number().int().nullable(),
});
export const attemptDetail = z.object({
  id,
  number: z.number().int(),
  status: attemptStatus,
  priority: priority.optional(),
  runner: z.string().nullable(),
  queuedAt: instant,
  startedAt: instant.nullable(),
  finishedAt: instant.nullable(),
  reason: reason.nullable(),
  exitCode: z.number().int().nullable(),
  steps: z.array(stepDetail),
  log: z.object({
    length: z.number().int(),
    sealed: z.boolean(),
    truncated: z.boolean(),
    incomplete: z.boolean(),
    /** Retention removed the bytes. */
    removed: removed.optional(),
  }),
});
export const jobDetail = z.object({
  key: z.string(),
  stage: stageName,
  name: z.string(),
  needs: z.array(z.string()),
  status,
  image: z.string().nullable(),
  startedAt: instant.nullable(),
  finishedAt: instant.nullable(),
  reason: reason.nullable(),
  waiting: waiting.nullable(),
  attempts: z.array(attemptDetail),
  /** Axis to value, for a variant of a job with a matrix. */
  matrix: z.record(z.string(), z.string()).optional(),
  /** It failed, and its definition allows that. */
  allowedFailure: z.literal(true).optional(),
  outputs: z.record(z.string(), z.string()).optional(),
  /** The run that did this work, when a re-run took it over. */
  carriedFrom: id.optional(),
  /** Key of the job that generated it; absent = the definition has it. */
  generatedBy: z.string().optional(),
});
export const testCounts = z.object({ passed: z.number().int(), failed: z.number().int(), skipped: z.number().int() });
export const runLane = z.object({
  environment: slug,
  status: z.union([deploymentStatus, z.enum(['queued', 'skipped'])]),
  deploymentId: id.nullable(),
  since: instant.nullable(),
  reason: reason.nullable(),
  waiting: waiting.nullable(),
});
export const runDetail = runSummary.extend({
  jobs: z.array(jobDetail),
  image: z.object({ repository: z.string(), digest }).nullable(),
  releaseId: id.nullable(),
  lanes: z.array(runLane),
  tests: testCounts.nullable(),
  /** Retention removed the test cases; the counts stay. */
  testsRemoved: removed.optional(),
  findings: z.array(
    z.object({
      severity: z.enum(['error', 'warning']),
      message: z.string(),
      line: z.number(),
      column: z.number(),
      rule: z.string(),
      /** Where a job generated what this is about: its key, and the file that it wrote. Absent = in the definition. */
      generated: z.object({ job: z.string(), file: z.string() }).optional(),
    }),
  ),
  cancelRequested: z.object({ by: actor, at: instant }).nullable(),
  waiting: waiting.nullable(),
  /** What the forge was told; absent = it is told nothing, or a newer run of the commit is what counts there. */
  commitStatus: commitStatus.optional(),
  /** Who let a run that was held back begin. */
  admitted: z.object({ by: actor, at: instant }).optional(),
});
export const testCase = z.object({
  job: z.string(),
  suite: z.string(),
  name: z.string(),
  status: z.enum(['passed', 'failed', 'skipped']),
  seconds: z.number(),
  message: z.string().nullable(),
});
export const runEvent = z.object({ sequence: z.number().int(), at: instant, type: z.string(), text: z.string() });

export const laneSummary = z.object({
  laneId: id,
  service: slug,
  team: slug,
  environment: slug,
  live: z
    .object({ deploymentId: id, runNumber: z.number().int(), commit: z.string(), digest, since: instant })
    .nullable(),
  /** Newest open deployment (where each release has its turn: the first), or the last one when it did not pass. */
  current: z
    .object({
      deploymentId: id,
      status: deploymentStatus,
      runNumber: z.number().int(),
      commit: z.string(),
      since: instant,
      approvals: z.number().int(),
      needed: z.number().int(),
      reason: reason.nullable(),
    })
    .nullable(),
});
export const boardService = z.object({
  slug,
  team: slug,
  targets: z.array(z.string()),
  latest: runSummary.nullable(),
  /** Its newest run of a pull request, while there is no other run; absent = there is another one, or none at all. */
  pullRequestRun: runSummary.optional(),
  lanes: z.array(laneSummary),
});

const aboutInput = { description: z.string().optional() };
export const runInput = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), default: z.string(), ...aboutInput }),
  z.object({ type: z.literal('number'), default: z.number(), ...aboutInput }),
  z.object({ type: z.literal('boolean'), default: z.boolean(), ...aboutInput }),
  z.object({ type: z.literal('choice'), options: z.array(z.string()), default: z.string(), ...aboutInput }),
]);
export const schedule = z.object({
  cron: z.string(),
  timezone: z.string(),
  /** Null = the default branch. */
  branch: z.string().nullable(),
  nextAt: instant.nullable(),
  lastAt: instant.nullable(),
  /** Why the last time started no run. */
  problem: z.string().nullable(),
});
export const releaseTrigger = z.object({
  service: slug,
  /** Null = the last one of that service's route. */
  environment: slug.nullable(),
  lastAt: instant.nullable(),
  problem: z.string().nullable(),
});

/** What is ready and has no runner yet. */
export const queue = z.object({
  total: z.number().int(),
  /** The oldest ones. */
  items: z.array(
    z.object({
      attemptId: id,
      runId: id,
      service: slug,
      team: slug,
      number: z.number().int(),
      job: z.string(),
      /** null = none fits. */
      pool: slug.nullable(),
      priority,
      waiting,
    }),
  ),
});

/** What is done anew; the rest is taken over as it ended. Absent = everything. */
export const rerunScope = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('all') }),
  z.object({ kind: z.literal('failed') }),
  /** A job by its key, or all variants of one: `test/acceptance`. */
  z.object({ kind: z.literal('job'), job: z.string().max(1000) }),
  z.object({ kind: z.literal('stage'), stage: stageName }),
]);

export const runsContract = {
  board: oc
    .route({
      method: 'GET',
      path: '/board',
      tags: ['runs'],
      summary: 'All services of my teams with their newest run and lanes',
    })
    .input(z.object({ team: slug.optional() }))
    .output(
      z.object({
        environments: z.array(slug),
        teams: z.array(z.object({ slug, title: z.string() })),
        services: z.array(boardService),
      }),
    ),
  getService: oc
    .route({ method: 'GET', path: '/services/{service}', tags: ['runs'], summary: 'One service' })
    .input(z.object({ service: slug }))
    .output(
      boardService.extend({
        repository: z.object({
          id: id.optional(),
          url: z.string(),
          path: z.string(),
          defaultBranch: z.string(),
          hookPath: z.string(),
          /** `last` is that of this service. */
          statuses: repositoryStatuses.optional(),
        }),
        release: z.array(slug),
        /** Of the definition on the default branch. */
        schedules: z.array(schedule).optional(),
        /** What a person who starts a run may choose, as the newest run of the default branch had it. */
        inputs: z.record(z.string(), runInput).optional(),
        /** Services whose releases start a run. */
        afterReleases: z.array(releaseTrigger).optional(),
      }),
    ),
  listRuns: oc
    .route({
      method: 'GET',
      path: '/services/{service}/runs',
      tags: ['runs'],
      summary: 'Runs of a service, newest first',
    })
    .input(z.object({ service: slug, ...pageQuery }))
    .output(page(runSummary)),
  getRun: oc
    .route({ method: 'GET', path: '/services/{service}/runs/{number}', tags: ['runs'], summary: 'One run' })
    .input(z.object({ service: slug, number: z.coerce.number().int().min(1) }))
    .output(runDetail),
  getRunEvents: oc
    .route({ method: 'GET', path: '/runs/{runId}/events', tags: ['runs'], summary: 'Every state change of a run' })
    .input(z.object({ runId: id }))
    .output(z.array(runEvent)),
  getRunTests: oc
    .route({ method: 'GET', path: '/runs/{runId}/tests', tags: ['runs'], summary: 'Test cases, failures first' })
    .input(z.object({ runId: id }))
    .output(z.array(testCase)),
  listQueue: oc
    .route({
      method: 'GET',
      path: '/queue',
      tags: ['runners'],
      summary: 'Jobs of my teams that wait for a runner, and why',
    })
    .output(queue),
  startRun: oc
    .route({
      method: 'POST',
      path: '/services/{service}/runs',
      tags: ['runs'],
      summary: 'Start a run by hand for a branch',
    })
    .input(
      z.object({
        service: slug,
        ref: z.string().max(500).optional(),
        /** By name; those that are left out have their defaults. */
        inputs: z.record(z.string().max(63), z.union([z.string().max(1000), z.number(), z.boolean()])).optional(),
      }),
    )
    .output(z.object({ runId: id, number: z.number().int() })),
  cancelRun: oc
    .route({ method: 'POST', path: '/runs/{runId}/cancel', tags: ['runs'], summary: 'Cancel' })
    .input(z.object({ runId: id, reason: z.string().max(1000).optional() }))
    .output(ok),
  admitRun: oc
    .route({
      method: 'POST',
      path: '/runs/{runId}/admit',
      tags: ['runs'],
      summary: 'Let a held run of a pull request from a fork begin, after a look at its commit',
    })
    .input(z.object({ runId: id, /** The commit that was looked at: another one is refused. */ commit: sha }))
    .output(ok),
  rerun: oc
    .route({
      method: 'POST',
      path: '/runs/{runId}/rerun',
      tags: ['runs'],
      summary: 'Run the same plan again, or a part of it',
    })
    .input(z.object({ runId: id, scope: rerunScope.optional(), debug: keepRequest.optional() }))
    .output(z.object({ runId: id, number: z.number().int() })),
};
