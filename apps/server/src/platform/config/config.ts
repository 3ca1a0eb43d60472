import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environmentVariables, type EnvironmentVariables } from './environment-variables.ts';

export type BlobPlace =
  | { readonly kind: 'folder'; readonly folder: string }
  | {
      readonly kind: 's3';
      readonly bucket: string;
      readonly prefix: string;
      readonly endpoint: string | null;
      readonly region: string;
    };

/** `generate`: a missing file is made at the first start (standalone only). */
export type MasterKeyPlace =
  | { readonly kind: 'value'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string; readonly generate: boolean };

/** How long things are kept, in days; see docs/guides/retention.md. */
export interface RetentionLimits {
  readonly runDays: number;
  /** Most runs of one service. */
  readonly runsMost: number;
  readonly logDays: number;
  readonly testDays: number;
  readonly deploymentEventDays: number;
  readonly deliveryDays: number;
  readonly auditDays: number;
  readonly accessDays: number;
  readonly messageDays: number;
}

/** The whole configuration as one typed value and injection token. Made by `readConfig`; nothing else reads the environment. */
export class Config {
  readonly mode: 'standalone' | 'distributed';
  readonly port: number;
  readonly host: string;
  /** Origin without trailing slash; null until the port is known (`PORT=0`), see `publicUrlOf`. */
  readonly publicUrl: string | null;
  /** Absolute paths from here on. */
  readonly dataFolder: string;
  readonly databaseUrl: string | null;
  readonly redisUrl: string | null;
  readonly blobs: BlobPlace;
  readonly masterKey: MasterKeyPlace;
  readonly dockerEngines: readonly string[];
  readonly gitAllowOrigins: readonly string[];
  /** Between two looks at the branches of a repository; 0 = none. */
  readonly lookMinutes: number;
  /** Addresses and networks whose `X-Forwarded-*` headers are believed. */
  readonly trustedProxies: readonly string[];
  readonly runner: 'embedded' | 'off';
  readonly runnerSlots: number;
  readonly pipelinesFolder: string;
  /** A folder that was named must exist; the default one may be missing. */
  readonly pipelinesRequired: boolean;
  readonly webFolder: string;
  readonly leaseSeconds: number;
  readonly leaseRenewSeconds: number;
  readonly metricsToken: string | undefined;
  /** 0 = containers of failed jobs are never kept. */
  readonly debugMinutes: number;
  readonly logLimitBytes: number;
  readonly artifactLimitBytes: number;
  readonly cacheLimitBytes: number;
  readonly cacheTeamBytes: number;
  readonly cacheDays: number;
  readonly retention: RetentionLimits & { readonly on: boolean };
  readonly failpoints: string | undefined;
  readonly nodeEnv: string | undefined;
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  /** What the embedded runner inherits: the way to programs and to the container engine, and its own settings. */
  readonly embeddedRunnerEnvironment: Readonly<Record<string, string>>;
  /** Sentences about variables that look like ours but are not; logged at start. */
  readonly warnings: readonly string[];

  constructor(
    values: EnvironmentVariables,
    workingFolder: string,
    {
      warnings = [],
      inherited = {},
    }: { warnings?: readonly string[]; inherited?: Readonly<Record<string, string>> } = {},
  ) {
    const at = (path: string) => resolve(workingFolder, path);
    this.databaseUrl = values.DATABASE_URL ?? null;
    this.mode = this.databaseUrl === null ? 'standalone' : 'distributed';
    this.port = values.PORT ?? 4000;
    this.host = values.HOST ?? '127.0.0.1';
    this.publicUrl = values.PUBLIC_URL ?? (this.port === 0 ? null : `http://localhost:${this.port}`);
    this.dataFolder = at(values.SLUICE_DATA ?? '.sluice');
    this.redisUrl = values.REDIS_URL ?? null;
    this.blobs = blobPlace(values.SLUICE_BLOB_URL, this.dataFolder, at);
    this.masterKey =
      values.SLUICE_MASTER_KEY === undefined
        ? {
            kind: 'file',
            path:
              values.SLUICE_MASTER_KEY_FILE === undefined
                ? resolve(this.dataFolder, 'master.key')
                : at(values.SLUICE_MASTER_KEY_FILE),
            generate: this.mode === 'standalone',
          }
        : { kind: 'value', text: values.SLUICE_MASTER_KEY };
    this.dockerEngines = values.SLUICE_DOCKER_ENGINES ?? [];
    this.gitAllowOrigins = values.SLUICE_GIT_ALLOW_ORIGINS ?? [];
    this.lookMinutes = values.SLUICE_LOOK_MINUTES ?? 5;
    this.trustedProxies = values.SLUICE_TRUSTED_PROXIES ?? [];
    this.runner = values.SLUICE_RUNNER ?? (this.mode === 'standalone' ? 'embedded' : 'off');
    this.runnerSlots = values.SLUICE_RUNNER_SLOTS ?? 2;
    this.pipelinesRequired = values.SLUICE_PIPELINES_DIR !== undefined;
    this.pipelinesFolder = at(values.SLUICE_PIPELINES_DIR ?? 'pipelines');
    this.webFolder =
      values.SLUICE_WEB_DIR === undefined
        ? fileURLToPath(new URL('../../../../web/dist', import.meta.url))
        : at(values.SLUICE_WEB_DIR);
    this.leaseSeconds = values.SLUICE_LEASE_SECONDS ?? 60;
    this.leaseRenewSeconds = values.SLUICE_LEASE_RENEW_SECONDS ?? Math.min(10, Math.floor(this.leaseSeconds / 2));
    this.metricsToken = values.SLUICE_METRICS_TOKEN;
    this.debugMinutes = values.SLUICE_DEBUG_MINUTES ?? 60;
    this.logLimitBytes = values.SLUICE_LOG_LIMIT_BYTES ?? 1_073_741_824;
    this.artifactLimitBytes = values.SLUICE_ARTIFACT_LIMIT_BYTES ?? 1_073_741_824;
    this.cacheLimitBytes = values.SLUICE_CACHE_LIMIT_BYTES ?? 1_073_741_824;
    this.cacheTeamBytes = values.SLUICE_CACHE_TEAM_BYTES ?? 10_737_418_240;
    this.cacheDays = values.SLUICE_CACHE_DAYS ?? 14;
    this.retention = {
      on: values.SLUICE_RETENTION !== 'off',
      runDays: values.SLUICE_RETENTION_RUN_DAYS ?? 365,
      runsMost: values.SLUICE_RETENTION_RUNS ?? 2_000,
      logDays: values.SLUICE_RETENTION_LOG_DAYS ?? 90,
      testDays: values.SLUICE_RETENTION_TEST_DAYS ?? 180,
      deploymentEventDays: values.SLUICE_RETENTION_DEPLOYMENT_EVENT_DAYS ?? 180,
      deliveryDays: values.SLUICE_RETENTION_DELIVERY_DAYS ?? 90,
      auditDays: values.SLUICE_RETENTION_AUDIT_DAYS ?? 1_095,
      accessDays: values.SLUICE_RETENTION_ACCESS_DAYS ?? 30,
      messageDays: values.SLUICE_RETENTION_MESSAGE_DAYS ?? 30,
    };
    this.failpoints = values.SLUICE_FAILPOINTS;
    this.nodeEnv = values.NODE_ENV;
    this.logLevel = values.LOG_LEVEL ?? 'info';
    this.embeddedRunnerEnvironment = inherited;
    this.warnings = warnings;
  }
}

/** Every bad variable at once, one line each, with what to write instead. Never holds a value: it may be a password. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(
      `The configuration cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}\nSee docs/reference/configuration.md.`,
    );
    this.problems = problems;
  }
}

/** Throws ConfigError. Relative paths are taken from `workingFolder`. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>, workingFolder: string): Config {
  const known = Object.keys(environmentVariables.shape);
  const set = Object.fromEntries(
    known.map((name) => [name, environment[name]] as const).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = environmentVariables.safeParse(set);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}.`);
  problems.push(...contradictions(set));
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const warnings = Object.keys(environment)
    .filter((name) => name.startsWith('SLUICE_') && !known.includes(name) && !INHERITED.test(name))
    .map(
      (name) =>
        `The variable ${name} is not known to the server and has no effect; see docs/reference/configuration.md.`,
    );
  const inherited = Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && INHERITED.test(entry[0]),
    ),
  );
  return new Config(parsed.data, workingFolder, { warnings, inherited });
}

const INHERITED =
  /^(PATH|HOME|LANG|LC_[A-Z]+|TZ|TMPDIR|DOCKER_[A-Z_]+|SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|HTTPS?_PROXY|NO_PROXY|https?_proxy|no_proxy|SLUICE_RUNNER_(NAME|DNS|JOB_NETWORK|JOB_SUBNETS|JOB_METADATA|HELPER_IMAGE|IMAGE_BUILDER|WARM_CONTAINERS|MAX_REPOSITORY_MIB|MIN_FREE_MIB|HOST_EXECUTOR|KEPT_JOBS))$/;

function contradictions(set: Readonly<Record<string, string | undefined>>): string[] {
  const problems: string[] = [];
  if (
    set['DATABASE_URL'] !== undefined &&
    set['SLUICE_MASTER_KEY'] === undefined &&
    set['SLUICE_MASTER_KEY_FILE'] === undefined
  ) {
    problems.push(
      'SLUICE_MASTER_KEY: is needed with DATABASE_URL, the same on every replica; make one with: openssl rand -hex 32.',
    );
  }
  if (set['SLUICE_MASTER_KEY'] !== undefined && set['SLUICE_MASTER_KEY_FILE'] !== undefined) {
    problems.push('SLUICE_MASTER_KEY_FILE: is set together with SLUICE_MASTER_KEY; remove one of them.');
  }
  const lease = Number(set['SLUICE_LEASE_SECONDS'] ?? 60);
  const renew = set['SLUICE_LEASE_RENEW_SECONDS'];
  if (renew !== undefined && Number(renew) * 2 > lease) {
    problems.push(
      `SLUICE_LEASE_RENEW_SECONDS: is more than half of the lease of ${lease} s; write at most ${Math.floor(lease / 2)}.`,
    );
  }
  if (set['SLUICE_FAILPOINTS'] !== undefined && set['NODE_ENV'] === 'production') {
    problems.push('SLUICE_FAILPOINTS: is refused when NODE_ENV=production; remove it.');
  }
  return problems;
}

function blobPlace(text: string | undefined, dataFolder: string, at: (path: string) => string): BlobPlace {
  if (text === undefined) return { kind: 'folder', folder: resolve(dataFolder, 'blobs') };
  const url = URL.parse(text);
  if (url === null) return { kind: 'folder', folder: at(text) };
  if (url.protocol === 'file:') return { kind: 'folder', folder: fileURLToPath(url) };
  return {
    kind: 's3',
    bucket: url.hostname,
    prefix: url.pathname.replace(/^\/+|\/+$/g, ''),
    endpoint: url.searchParams.get('endpoint'),
    region: url.searchParams.get('region') ?? 'us-east-1',
  };
}
