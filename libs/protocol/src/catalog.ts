import { oc } from '@orpc/contract';
import { z } from 'zod';
import { forge, githubApp, repositoryStatuses } from './statuses.ts';
import { id, instant, ok, page, pageQuery, role, slug, trust } from './values.ts';

export const team = z.object({ slug, title: z.string() });
/** `git` = any host that can run a hook of ours; `gitea` is Forgejo too. */
export const repositoryKind = z.enum(['github', 'gitlab', 'gitea', 'bitbucket', 'git']);
export type RepositoryKind = z.infer<typeof repositoryKind>;
export const repository = z.object({
  id,
  team: slug,
  /** https or ssh address; other schemes are refused unless the operator allows the exact origin. */
  url: z.string(),
  kind: repositoryKind,
  defaultBranch: z.string(),
  /** Path that the forge posts to; joined with the public address. */
  hookPath: z.string(),
  /** Registered ones, by name. */
  services: z.array(slug),
  lastDelivery: z
    .object({
      at: instant,
      /** In words: what became of it. */
      outcome: z.string(),
      failed: z.boolean(),
    })
    .nullable(),
  /** Absent = its commits are reported to no forge. */
  statuses: repositoryStatuses.optional(),
});
export const service = z.object({ slug, team: slug, repositoryId: id, path: z.string() });

/** Settings are strict all the way down: a misspelt key must not leave a gate open in silence. */
export const gateRule = z.strictObject({
  approvals: z.number().int().min(0).max(10),
  roles: z.array(role).default(['release-manager', 'admin']),
  noSelfApproval: z.boolean().default(true),
});
const secretName = z.string().regex(/^[A-Z][A-Z0-9_]{0,99}$/, 'use A-Z, 0-9 and _');
const variableName = z.string().regex(/^[!-<>-~]{1,200}$/, 'a name of a variable has neither spaces nor "="');
const hostAddress = z
  .string()
  .regex(
    /^((\d{1,3}(\.\d{1,3}){3}|\[[0-9A-Fa-f:.]{2,45}\])?:)?[1-9]\d{0,4}$/,
    'write a port, or an IP address and a port, such as 127.0.0.1:8101',
  );
export const dockerTarget = z.strictObject({
  kind: z.literal('docker'),
  /** `unix:///path`, `ssh://user@host` or `tcp://host:port` (TLS). Never assumed. */
  engine: z.string().regex(/^(unix|ssh|tcp):\/\/.+/),
  /** Name of a secret with client certificate or ssh key, where the engine needs one. */
  credential: secretName.optional(),
  /** A network of its own, never the host's or another container's. */
  network: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/, 'write the name of a network')
    .refine(
      (name) => !['host', 'none', 'default'].includes(name),
      'host, none and default are no networks for a release',
    )
    .default('sluice'),
  port: z
    .strictObject({
      /** Port inside the container. */
      container: z.number().int().min(1).max(65535),
      /** Address on the engine's host, e.g. `127.0.0.1:8101`; several services map by name. */
      host: z.record(z.string(), hostAddress).default({}),
    })
    .optional(),
  /** HTTP path that must answer 2xx before the old container goes; without it the engine's health state decides. */
  healthPath: z
    .string()
    .max(2000)
    .regex(/^\/(?!\/)[!-~]*$/, 'write a path such as /healthz, without spaces')
    .optional(),
  healthTimeoutSeconds: z.number().int().min(1).max(3600).default(60),
  env: z.record(variableName, z.string()).default({}),
  /** Names of environment secrets bound into the container. */
  secrets: z.array(secretName).default([]),
});
export const target = z.discriminatedUnion('kind', [dockerTarget]);
export const environmentSettings = z.strictObject({
  gate: gateRule.default({ approvals: 0, roles: ['release-manager', 'admin'], noSelfApproval: true }),
  /** `false`: every release is deployed, in the order of the runs; otherwise a newer one replaces those that still wait. */
  supersede: z.boolean().optional(),
  target,
});
export const environment = z.object({
  name: slug,
  team: slug,
  /** Position in lists; promotion order is the definition's. */
  order: z.number().int(),
  settings: environmentSettings,
});

/** Most jobs that run at once; null = no limit. */
const runningJobs = z.number().int().min(1).max(10_000).nullable();
export const limits = z.object({
  runningJobs,
  /** Those with a limit of their own. */
  services: z.record(slug, z.number().int()),
  /** Of the whole team. */
  runningNow: z.number().int(),
});
/** In `teams.yaml`: what is left out stays as it is. */
export const limitSettings = z.strictObject({
  runningJobs: runningJobs.optional(),
  services: z.record(slug, runningJobs).default({}),
});

export const pool = z.object({ id, name: slug, team: slug.nullable(), trust, labels: z.array(z.string()) });
export const poolLoad = z.object({
  pool: slug,
  queued: z.number().int(),
  running: z.number().int(),
  /** Of connected runners that take work. */
  slots: z.number().int(),
  runners: z.number().int(),
  /** Slots with which nothing would wait: what an autoscaler aims at. */
  wanted: z.number().int(),
});
export const runner = z.object({
  id,
  name: z.string(),
  pool: slug,
  labels: z.array(z.string()),
  state: z.enum(['idle', 'busy', 'draining', 'silent', 'removed']),
  /** Why it takes no work, in its own words; null when nothing is wrong. */
  trouble: z.string().nullable(),
  /** It also runs jobs on its machine itself, without a container. */
  host: z.boolean().optional(),
  slots: z.number().int(),
  busy: z.number().int(),
  version: z.string(),
  lastSeenAt: instant,
  jobs: z.array(
    z.object({ attemptId: id, runId: id, service: slug, number: z.number(), job: z.string(), since: instant }),
  ),
});
export const secretInfo = z.object({
  name: z.string(),
  service: slug.nullable(),
  environment: slug.nullable(),
  updatedAt: instant,
  updatedBy: z.string(),
  lastUsedAt: instant.nullable(),
});

export const auditEntry = z.object({
  sequence: z.number(),
  at: instant,
  team: slug.nullable(),
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  detail: z.record(z.string(), z.unknown()),
});

export const catalogContract = {
  listTeams: oc
    .route({ method: 'GET', path: '/teams', tags: ['catalog'], summary: 'Teams I belong to' })
    .output(z.array(team)),
  createTeam: oc
    .route({ method: 'POST', path: '/teams', tags: ['catalog'], summary: 'Create a team (system admins)' })
    .input(z.object({ slug, title: z.string().min(1).max(100) }))
    .output(team),
  listRepositories: oc
    .route({ method: 'GET', path: '/teams/{team}/repositories', tags: ['catalog'], summary: 'Connected repositories' })
    .input(z.object({ team: slug }))
    .output(z.array(repository)),
  connectRepository: oc
    .route({
      method: 'POST',
      path: '/teams/{team}/repositories',
      tags: ['catalog'],
      summary: 'Connect a repository; the hook secret is shown once',
    })
    .input(
      z.object({
        team: slug,
        url: z.string().max(2000),
        kind: repositoryKind,
        defaultBranch: z.string().min(1).max(200).default('main'),
        /** Used by the mirror and by the checkout of a live lease only. */
        credential: z.strictObject({ username: z.string().max(200), password: z.string().max(4000) }).optional(),
      }),
    )
    .output(z.object({ repository, hookSecret: z.string() })),
  renewHookSecret: oc
    .route({
      method: 'POST',
      path: '/teams/{team}/repositories/{repositoryId}/hook-secret',
      tags: ['catalog'],
      summary: "Make a new secret for the repository's hook; it is shown once, and the old one ends at once",
    })
    .input(z.object({ team: slug, repositoryId: id }))
    .output(z.object({ hookPath: z.string(), hookSecret: z.string() })),
  setRepositoryStatuses: oc
    .route({
      method: 'PUT',
      path: '/teams/{team}/repositories/{repositoryId}/statuses',
      tags: ['catalog'],
      summary: 'Report runs to the forge as statuses of commits, or as checks of GitHub, or to nobody',
    })
    .input(
      z.object({
        team: slug,
        repositoryId: id,
        /** Replaces all that was set; what is left out follows from the repository. */
        statuses: z
          .strictObject({
            forge: forge.optional(),
            /** Needs a `token`: the credential of the repository goes to its own host alone. */
            apiUrl: z.string().max(2000).optional(),
            /** `owner/name` at the forge. */
            repository: z.string().max(500).optional(),
            /** Absent = the password of the repository's credential. */
            token: z.string().min(1).max(4000).optional(),
            /** At GitHub alone and instead of a `token`: runs are shown as checks. */
            app: githubApp.optional(),
          })
          .nullable(),
      }),
    )
    .output(ok),
  lookAtRepository: oc
    .route({
      method: 'POST',
      path: '/teams/{team}/repositories/{repositoryId}/look',
      tags: ['catalog'],
      summary: 'Look at the branches now, for pushes that no webhook announced',
    })
    .input(z.object({ team: slug, repositoryId: id }))
    .output(
      z.object({
        /** Heads whose runs are being planned now. */
        found: z.array(z.object({ ref: z.string(), commit: z.string() })),
      }),
    ),
  registerService: oc
    .route({
      method: 'POST',
      path: '/teams/{team}/services',
      tags: ['catalog'],
      summary: 'Register a service of a repository',
    })
    .input(z.object({ team: slug, slug, repositoryId: id, path: z.string().max(500).default('.') }))
    .output(service),
  listEnvironments: oc
    .route({
      method: 'GET',
      path: '/teams/{team}/environments',
      tags: ['catalog'],
      summary: 'Environments with settings',
    })
    .input(z.object({ team: slug }))
    .output(z.array(environment)),
  putEnvironment: oc
    .route({
      method: 'PUT',
      path: '/teams/{team}/environments/{name}',
      tags: ['catalog'],
      summary: 'Create or change an environment; open approvals of a changed environment are void',
    })
    .input(
      z.object({ team: slug, name: slug, order: z.number().int().min(0).max(1000), settings: environmentSettings }),
    )
    .output(environment),
  getLimits: oc
    .route({ method: 'GET', path: '/teams/{team}/limits', tags: ['catalog'], summary: 'How many jobs may run at once' })
    .input(z.object({ team: slug }))
    .output(limits),
  putTeamLimit: oc
    .route({
      method: 'PUT',
      path: '/teams/{team}/limits',
      tags: ['catalog'],
      summary: 'Limit the running jobs of a team (system admins)',
    })
    .input(z.strictObject({ team: slug, runningJobs }))
    .output(ok),
  putServiceLimit: oc
    .route({
      method: 'PUT',
      path: '/teams/{team}/services/{service}/limits',
      tags: ['catalog'],
      summary: 'Limit the running jobs of a service',
    })
    .input(z.strictObject({ team: slug, service: slug, runningJobs }))
    .output(ok),
  listPools: oc.route({ method: 'GET', path: '/pools', tags: ['runners'], summary: 'Pools' }).output(z.array(pool)),
  listPoolLoads: oc
    .route({
      method: 'GET',
      path: '/pool-loads',
      tags: ['runners'],
      summary: 'Work and slots of each pool, for autoscalers; the same figures as /metrics',
    })
    .output(z.array(poolLoad)),
  createPool: oc
    .route({ method: 'POST', path: '/pools', tags: ['runners'], summary: 'Create a pool' })
    .input(
      z.object({
        name: slug,
        team: slug.nullable().default(null),
        trust: trust.default('trusted'),
        labels: z.array(slug).default([]),
      }),
    )
    .output(pool),
  createRegistrationToken: oc
    .route({
      method: 'POST',
      path: '/pools/{poolId}/registration-tokens',
      tags: ['runners'],
      summary: 'Single-use token for one runner, 15 minutes',
    })
    .input(z.object({ poolId: id }))
    .output(z.object({ token: z.string(), expiresAt: instant })),
  listRunners: oc
    .route({ method: 'GET', path: '/runners', tags: ['runners'], summary: 'Runners and what they do' })
    .output(z.array(runner)),
  removeRunner: oc
    .route({ method: 'DELETE', path: '/runners/{runnerId}', tags: ['runners'], summary: 'Revoke a runner' })
    .input(z.object({ runnerId: id }))
    .output(ok),
  listSecrets: oc
    .route({ method: 'GET', path: '/teams/{team}/secrets', tags: ['secrets'], summary: 'Names, never values' })
    .input(z.object({ team: slug }))
    .output(z.array(secretInfo)),
  putSecret: oc
    .route({
      method: 'PUT',
      path: '/teams/{team}/secrets/{name}',
      tags: ['secrets'],
      summary: 'Set a value; it can never be read back',
    })
    .input(
      z.object({
        team: slug,
        name: secretName,
        value: z.string().min(1).max(65536),
        service: slug.nullable().default(null),
        environment: slug.nullable().default(null),
      }),
    )
    .output(secretInfo),
  deleteSecret: oc
    .route({ method: 'DELETE', path: '/teams/{team}/secrets/{name}', tags: ['secrets'], summary: 'Delete a secret' })
    .input(
      z.object({
        team: slug,
        name: secretName,
        service: slug.nullable().default(null),
        environment: slug.nullable().default(null),
      }),
    )
    .output(ok),
  listAudit: oc
    .route({ method: 'GET', path: '/teams/{team}/audit', tags: ['audit'], summary: 'Who did what' })
    .input(z.object({ team: slug, ...pageQuery }))
    .output(page(auditEntry)),
};
