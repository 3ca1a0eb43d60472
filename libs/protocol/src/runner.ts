import { oc } from '@orpc/contract';
import { MAX_FILE_BYTES, WHEN } from '@sluice/pipeline-spec';
import { z } from 'zod';
import { digest, id, instant, ok, reason, sha, slug, trust } from './values.ts';

/** Characters of the sentence by which a runner says why it takes no work. */
export const LONGEST_TROUBLE = 300;

/**
 * The runner protocol, version 1. Order of calls for one attempt:
 * poll -> (lease) -> start -> [renew every `renewSeconds` | log append | steps | files]* -> reports? -> result.
 * A runner that was restarted in between goes on with `resume`, which gives it the same lease once more.
 * Every call after the poll names the attempt and its lease epoch. A stale epoch answers 409 `lease-lost`:
 * the runner then ends the containers and sends nothing more of that attempt. All calls may be repeated:
 * the same content gets the same answer.
 *
 * Log bytes are not JSON: `POST /api/v1/runner/attempts/{attemptId}/log?offset=N&epoch=E` with
 * `application/octet-stream`; 200 `{ length }`, 409 `log-conflict` (overlap with other bytes) or `lease-lost`,
 * 416 `{ error, length }` on a gap.
 *
 * Files (artifacts, caches) go to the blob store itself: ask for an upload, PUT the bytes to its link, then say that they are there. Only
 * then the server looks at length and digest: 422 `stored-bytes-differ` means ask again and send again. A link whose `url` begins with
 * `/` leads to this server, which takes a body of at most `partBytes` at once, in any order, with `content-range: bytes 0-4194303/9000000`
 * and the runner's token; any other link is used as it stands, without a token.
 */
const stepSpec = z.object({
  name: z.string(),
  run: z.string(),
  /** Absent = `success`: no step before has failed. */
  when: z.enum(WHEN).optional(),
  /** A condition, decided by the runner with `facts` and what the steps before have written. */
  if: z.string().optional(),
  env: z.record(z.string(), z.string()),
  timeoutSeconds: z.number().optional(),
});
const resources = z.object({ cpus: z.number(), memoryMiB: z.number(), pids: z.number() });
const serviceContainer = z.object({
  image: z.string(),
  port: z.number().optional(),
  healthy: z.string().optional(),
  command: z.array(z.string()).optional(),
  env: z.record(z.string(), z.string()),
});
export const registryCredential = z.object({ registry: z.string(), username: z.string(), password: z.string() });

const jobFacts = z.record(z.string(), z.object({ status: z.string(), outputs: z.record(z.string(), z.string()) }));
/** What conditions of steps are decided by; see `ConditionFacts` of pipeline-spec. */
export const conditionFacts = z.object({
  event: z.string(),
  branch: z.string(),
  tag: z.string(),
  changed: z.record(z.string(), z.boolean()),
  inputs: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  matrix: z.record(z.string(), z.string()),
  jobs: z.object({ commit: jobFacts, build: jobFacts, test: jobFacts }),
});

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const length = z.number().int().min(1);
/** An artifact of a job that ended before; null when that job left none because it was skipped or allowed to fail. */
const usedArtifact = z.object({
  /** As the definition has it, for the log: `commit.compile.artifacts.dist`. */
  from: z.string(),
  artifact: z.object({ id, length, sha256 }).nullable(),
});
/** What the job leaves behind and what it takes along; patterns are below the service's folder. */
const fileWork = {
  use: z.array(usedArtifact).optional(),
  artifacts: z.array(z.object({ name: z.string(), paths: z.array(z.string()) })).optional(),
  /** In the order of the definition; calls name a cache by its place. */
  cache: z.array(z.object({ key: z.string(), files: z.array(z.string()), paths: z.array(z.string()) })).optional(),
  /** Largest artifact and cache, packed. */
  limits: z.object({ artifactBytes: z.number().int(), cacheBytes: z.number().int() }).optional(),
};

export const stepsWork = z.object({
  kind: z.literal('steps'),
  /** `built` is already replaced by `repository@sha256:...`. Absent = on the runner's machine itself, as its poll offered. */
  image: z.string().optional(),
  steps: z.array(stepSpec),
  /** Present when a step has a condition. */
  facts: conditionFacts.optional(),
  /** Names that the steps write to the file `$SLUICE_OUTPUT`; a job that passes has written each of them. */
  outputs: z.array(z.string()).optional(),
  env: z.record(z.string(), z.string()),
  services: z.record(z.string(), serviceContainer),
  junit: z.array(z.string()),
  resources,
  /** The file, below the service's folder, that holds further jobs when the steps have passed; it is sent with the result. */
  generate: z.object({ file: z.string(), maxBytes: z.number().int() }).optional(),
  ...fileWork,
});
export const imageWork = z.object({
  kind: z.literal('image'),
  context: z.string(),
  dockerfile: z.string(),
  repository: z.string(),
  target: z.string().optional(),
  args: z.record(z.string(), z.string()),
  platforms: z.array(z.string()),
  /** The image of the service's last release, whose layers a build on a fresh machine may use. */
  cacheFrom: z.string().optional(),
});
export const leaseGrant = z.object({
  attemptId: id,
  epoch: z.number().int(),
  expiresAt: instant,
  renewSeconds: z.number(),
  run: z.object({ id, service: slug, team: slug, number: z.number().int(), ref: z.string(), commit: sha, trust }),
  job: z.object({ key: z.string(), attempt: z.number().int(), timeoutSeconds: z.number() }),
  source: z.object({
    url: z.string(),
    /** Folder of the service inside the repository; steps run there. */
    path: z.string(),
    commit: sha,
    ref: z.string(),
    credential: z.object({ username: z.string(), password: z.string() }).nullable(),
  }),
  work: z.discriminatedUnion('kind', [stepsWork, imageWork]),
  /** Only the declared ones, only on trusted runs. */
  secrets: z.array(z.object({ name: z.string(), value: z.string() })),
  registries: z.array(registryCredential),
  log: z.object({ maxBytes: z.number().int(), length: z.number().int() }),
  /** A person asked that the job's container is kept when the job fails; `keep` is then called with the result acknowledged. */
  keep: z.object({ minutes: z.number().int().min(1) }).optional(),
});
export type LeaseGrant = z.infer<typeof leaseGrant>;

export const stepReport = z.object({
  index: z.number().int().min(0).max(1000),
  name: z.string().max(200),
  status: z.enum(['queued', 'running', 'passed', 'failed', 'errored', 'cancelled', 'skipped']),
  startedAt: instant.nullable(),
  finishedAt: instant.nullable(),
  exitCode: z.number().int().min(0).max(255).nullable(),
  logOffset: z.number().int().min(0).nullable(),
});
export const attemptResult = z.object({
  outcome: z.enum(['passed', 'failed', 'errored', 'cancelled']),
  reason: reason.optional(),
  exitCode: z.number().int().min(0).max(255).optional(),
  steps: z.array(stepReport).max(1000),
  /** Length and hash of the whole log as the runner sent it. */
  log: z.object({
    length: z.number().int().min(0),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    truncated: z.boolean(),
  }),
  image: z.object({ repository: z.string().max(500), digest }).optional(),
  /** At most 64 of the declared names, each value at most 4 KiB. */
  outputs: z
    .record(z.string().max(63), z.string().max(4096))
    .refine((written) => Object.keys(written).length <= 64, 'at most 64 outputs')
    .optional(),
  /** Text of the file that the job was to generate, when it passed. */
  generated: z.string().max(MAX_FILE_BYTES).optional(),
});
export type AttemptResult = z.infer<typeof attemptResult>;

const onLease = { attemptId: id, epoch: z.number().int().min(1) };
const leaseErrors = {
  CONFLICT: { status: 409, data: z.object({ code: z.enum(['lease-lost', 'result-conflict', 'artifact-exists']) }) },
} as const;

/** `link` is null when exactly these bytes are kept already. */
const upload = z.object({
  id,
  link: z
    .object({ url: z.string(), headers: z.record(z.string(), z.string()), partBytes: z.number().int().nullable() })
    .nullable(),
});
export type Upload = z.infer<typeof upload>;
const ofCache = { index: z.number().int().min(0).max(100), filesHash: sha256.nullable() };
const foundCache = z.object({
  key: z.string(),
  /** False: another key that begins as `restore` says. */
  exact: z.boolean(),
  length,
  sha256,
  url: z.string(),
});

export type FoundCache = z.infer<typeof foundCache>;

/** What a person does to a shell, in the order of `sequence`, which rises over all shells of a kept container. */
const shellOrder = z.object({
  sequence: z.number().int().min(1),
  shellId: id,
  order: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('open'), columns: z.number().int(), rows: z.number().int() }),
    z.object({ kind: z.literal('resize'), columns: z.number().int(), rows: z.number().int() }),
    z.object({ kind: z.literal('write'), text: z.string() }),
    z.object({ kind: z.literal('close') }),
  ]),
});
export type ShellOrder = z.infer<typeof shellOrder>;
/** Bytes of output in one call, before base64. */
export const SHELL_OUTPUT_MOST = 32 * 1024;
/** Why a runner keeps a container no longer. */
export const keepEnd = z.enum(['time', 'asked', 'runner-stopped', 'engine']);
export type KeepEnd = z.infer<typeof keepEnd>;

export const runnerContract = {
  register: oc
    .route({
      method: 'POST',
      path: '/runner/register',
      tags: ['runner protocol'],
      summary: 'Exchange a registration token for a runner token',
    })
    .input(
      z.object({
        token: z.string().max(200),
        name: z.string().min(1).max(100),
        protocol: z.number().int(),
        version: z.string().max(50),
      }),
    )
    .output(z.object({ runnerId: id, token: z.string(), pool: slug, labels: z.array(z.string()) })),
  poll: oc
    .route({
      method: 'POST',
      path: '/runner/poll',
      tags: ['runner protocol'],
      summary: 'Wait up to waitSeconds for a lease; the same pollId gets the same lease back',
    })
    .input(
      z.object({
        pollId: id,
        slots: z.number().int().min(1).max(200),
        waitSeconds: z.number().min(0).max(55).default(30),
        protocol: z.number().int(),
        draining: z.boolean().default(false),
        /** The runner also runs jobs on its machine itself; heard only from a runner of a trusted pool. */
        host: z.boolean().default(false),
        /** Why the runner takes no work just now, as a sentence; it polls with `draining` while that lasts. */
        trouble: z.string().max(LONGEST_TROUBLE).optional(),
      }),
    )
    .output(z.object({ lease: leaseGrant.nullable() })),
  start: oc
    .route({
      method: 'POST',
      path: '/runner/attempts/{attemptId}/start',
      tags: ['runner protocol'],
      summary: 'The runner begins',
    })
    .input(z.object(onLease))
    .errors(leaseErrors)
    .output(ok),
  renew: oc
    .route({
      method: 'POST',
      path: '/runner/attempts/{attemptId}/renew',
      tags: ['runner protocol'],
      summary: 'Keep the lease; learns of a cancel',
    })
    .input(z.object(onLease))
    .errors(leaseErrors)
    .output(z.object({ expiresAt: instant, cancel: z.boolean() })),
  resume: oc
    .route({
      method: 'POST',
      path: '/runner/attempts/{attemptId}/resume',
      tags: ['runner protocol'],
      summary: 'After a restart of the runner: the lease it holds, as it was granted, and renewed',
    })
    .input(z.object(onLease))
    .errors(leaseErrors)
    .output(z.object({ lease: leaseGrant })),
  steps: oc
    .route({
      method: 'POST',
      path: '/runner/attempts/{attemptId}/steps',
      tags: ['runner protocol'],
      summary: 'Progress of the steps',
    })
    .input(z.object({ ...onLease, steps: z.array(stepReport).max(1000) }))
    .errors(leaseErrors)
    .output(ok),
  report: oc
    .route({
      method: 'POST',
      path: '/runner/attempts/{attemptId}/reports',
      tags: ['runner protocol'],
      summary: 'One JUnit XML file, as text',
    })
    .input(z.object({ ...onLease, file: z.string().max(500), xml: z.string().max(4_000_000) }))
    .errors(leaseErrors)
    .output(z.object({ passed: z.number().int(), failed: z.number().int(), skipped: z.number().int() })),
  leaveArtifact: oc
    .route({
      method: 'POST',
      path: '/runner/attempts/{attemptId}/artifacts',
      tags: ['runner protocol'],
      summary: 'Ask for an upload of an artifact that the job declares; 409 when other bytes are kept under its name',
    })
    .input(z.object({ ...onLease, name: z.string().max(63), length, sha256, files: z.number().int().min(1) }))
    .errors(leaseErrors)
    .output(upload),
  keepArtifact: oc
    .route({
      method: 'POST',
      path: '/runner/attempts/{attemptId}/artifacts/keep',
      tags: ['runner protocol'],
      summary: 'The bytes of an artifact are there; visible from now on, or 422 when they differ',
    })
    .input(z.object({ ...onLease, id }))
    .errors(leaseErrors)
    .output(ok),
  useArtifact: oc
    .route({
      method: 'POST',
      path: '/runner/attempts/{attemptId}/artifacts/use',
      tags: ['runner protocol'],
      summary: 'Where to read an artifact that the job uses',
    })
    .input(z.object({ ...onLease, id }))
    .errors(leaseErrors)
    .output(z.object({ url: z.string() })),
  findCache: oc
    .route({
      method: 'POST',
      path: '/runner/attempts/{attemptId}/caches/find',
      tags: ['runner protocol'],
      summary: 'The cache of the job that fits best, of those its run may see',
    })
    .input(z.object({ ...onLease, ...ofCache }))
    .errors(leaseErrors)
    .output(z.object({ key: z.string(), found: foundCache.nullable() })),
  leaveCache: oc
    .route({
      method: 'POST',
      path: '/runner/attempts/{attemptId}/caches',
      tags: ['runner protocol'],
      summary: 'Ask for an upload of a cache; without a link when the key is kept already',
    })
    .input(z.object({ ...onLease, ...ofCache, length, sha256 }))
    .errors(leaseErrors)
    .output(upload),
  keepCache: oc
    .route({
      method: 'POST',
      path: '/runner/attempts/{attemptId}/caches/keep',
      tags: ['runner protocol'],
      summary: 'The bytes of a cache are there; seen by later runs from now on, or 422 when they differ',
    })
    .input(z.object({ ...onLease, id }))
    .errors(leaseErrors)
    .output(ok),
  result: oc
    .route({
      method: 'POST',
      path: '/runner/attempts/{attemptId}/result',
      tags: ['runner protocol'],
      summary: 'The end of the attempt',
    })
    .input(z.object({ ...onLease, result: attemptResult }))
    .errors(leaseErrors)
    .output(ok),
  keep: oc
    .route({
      method: 'POST',
      path: '/runner/attempts/{attemptId}/keep',
      tags: ['runner protocol'],
      summary: 'After the result: the container is there to be kept; for how long, or 0 = remove it',
    })
    .input(z.object(onLease))
    .errors(leaseErrors)
    .output(z.object({ seconds: z.number().int().min(0) })),
  shellOrders: oc
    .route({
      method: 'POST',
      path: '/runner/attempts/{attemptId}/keep/orders',
      tags: ['runner protocol'],
      summary: 'Wait up to waitSeconds for what people do in a kept container; `after` has been carried out',
    })
    .input(
      z.object({
        ...onLease,
        after: z.number().int().min(0),
        waitSeconds: z.number().min(0).max(55).default(20),
      }),
    )
    .errors(leaseErrors)
    /** `over`: remove the container. */
    .output(z.object({ over: z.boolean(), orders: z.array(shellOrder) })),
  shellOutput: oc
    .route({
      method: 'POST',
      path: '/runner/attempts/{attemptId}/keep/output',
      tags: ['runner protocol'],
      summary: 'What a shell said, by its offset; not taken = nobody has read what came before, ask again',
    })
    .input(
      z.object({
        ...onLease,
        shellId: id,
        offset: z.number().int().min(0),
        /** Base64. */
        data: z.string().max(Math.ceil(SHELL_OUTPUT_MOST / 3) * 4),
        /** The shell has ended: why, a sentence. */
        closed: z.string().max(300).optional(),
      }),
    )
    .errors(leaseErrors)
    .output(z.object({ taken: z.boolean() })),
  keepEnded: oc
    .route({
      method: 'POST',
      path: '/runner/attempts/{attemptId}/keep/ended',
      tags: ['runner protocol'],
      summary: 'A kept container is gone',
    })
    .input(z.object({ ...onLease, why: keepEnd }))
    .errors(leaseErrors)
    .output(ok),
};
