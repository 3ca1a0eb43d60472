import { platform } from 'node:os';
import { plainHttpOrigins } from '@sluice/git';
import { z } from 'zod';
import { nameServerProblem } from './executor/docker/job-reach.ts';
import { DEFAULT_JOB_SUBNETS, jobSubnetsProblem } from './executor/docker/job-subnets.ts';

/** Everything the runner can be told. One environment variable each; the table of the guide is made from the descriptions. */
export interface RunnerConfig {
  /** Origin of the control plane, without a path at its end. */
  readonly serverUrl: URL;
  /** File that holds the runner token; wins over a token kept in the work folder. */
  readonly tokenFile?: string;
  /** Exchanged once for a runner token, which is then kept in the work folder (mode 0600). */
  readonly registrationToken?: string;
  readonly name: string;
  /** Mirrors, log spools and results that are not acknowledged yet; made with mode 0700. */
  readonly workDir: string;
  /** Jobs at the same time. */
  readonly slots: number;
  /** As the docker client spells it; undefined = the usual socket. */
  readonly dockerHost?: string;
  /** Folder with `ca.pem`, `cert.pem` and `key.pem` for a `tcp://` engine. */
  readonly dockerCertPath?: string;
  /** Exact origins whose repositories may be read over plain HTTP. */
  readonly gitHttpOrigins: readonly string[];
  /** `internal` = job networks have no way out at all. */
  readonly jobNetwork: 'open' | 'internal';
  /** IPv4 range that networks of jobs are cut from. */
  readonly jobSubnets: string;
  /** Whether jobs may reach the addresses of cloud metadata. */
  readonly jobMetadata: 'denied' | 'open';
  /** Name servers of jobs; none = those of the engine. */
  readonly nameServers: readonly string[];
  /** Image with `sh` that holds the network for the steps of image builds. */
  readonly helperImage?: string;
  /** Which of the engine's builders builds images; `auto` = BuildKit where the engine has it and no network of jobs is needed. */
  readonly imageBuilder: 'auto' | 'buildkit' | 'classic';
  /** Most containers that are started before their job comes. */
  readonly warmContainers: number;
  /** A mirror may not grow beyond this. */
  readonly maxRepositoryMiB: number;
  /** Below this much free space in the work folder no new job is taken; 0 = never mind. */
  readonly minFreeMiB: number;
  /** Jobs that ask for it run without a container, with the rights of the runner's own user; heard only in trusted pools. */
  readonly hostExecutor: boolean;
  /** Most containers of failed jobs that are kept at once when a person asks for it; they hold no slot. 0 = none. */
  readonly keptJobs: number;
  /** Takes one job, on one slot, and ends. */
  readonly once: boolean;
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent';
}

export type RunnerConfigResult =
  | { readonly ok: true; readonly config: RunnerConfig }
  /** One sentence each, every problem at once. */
  | { readonly ok: false; readonly problems: readonly string[] };

const serverUrl = z
  .string({ error: 'is missing: set it to the address of the control plane, such as https://sluice.example.com' })
  .transform((text, context) => {
    const url = URL.parse(text);
    const problem =
      url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')
        ? 'is no web address: write it like https://sluice.example.com'
        : url.protocol === 'http:' && !isLoopback(url.hostname)
          ? 'must use https: plain http is allowed to this machine (127.0.0.1, ::1, localhost) only'
          : url.username !== '' || url.password !== ''
            ? 'must not hold a password: the runner token has a setting of its own'
            : undefined;
    if (url === null || problem !== undefined) {
      context.addIssue({ code: 'custom', message: problem ?? '' });
      return z.NEVER;
    }
    return new URL(url.pathname.replace(/\/+$/, ''), url);
  });

const originList = z
  .string()
  .default('')
  .transform((text, context) => {
    const { origins, problem } = plainHttpOrigins(text);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    return origins;
  });

const addressList = z
  .string()
  .default('')
  .transform((text, context) => {
    const addresses = text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
    for (const problem of addresses.map(nameServerProblem))
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    return addresses;
  });

const whole = (least: number, most: number, otherwise: number) =>
  z.coerce
    .number({ error: `must be a number from ${least} to ${most}` })
    .int(`must be a whole number from ${least} to ${most}`)
    .min(least, `must be at least ${least}`)
    .max(most, `must be at most ${most}`)
    .default(otherwise);

export const runnerEnvironment = z
  .object({
    SLUICE_URL: serverUrl.describe('Address of the control plane. HTTPS, except on loopback.'),
    SLUICE_RUNNER_TOKEN_FILE: z.string().optional().describe('File that holds the runner token.'),
    SLUICE_REGISTRATION_TOKEN: z
      .string()
      .max(200, 'is too long for a registration token')
      .optional()
      .describe('Registration token, exchanged once; the runner token it brings is kept in the work folder.'),
    SLUICE_RUNNER_NAME: z
      .string()
      .min(1, 'must not be empty')
      .max(100, 'must have at most 100 characters')
      .describe('Name shown in the control plane. Default: the host name.'),
    SLUICE_RUNNER_DIR: z
      .string()
      .min(1, 'must not be empty')
      .default('.sluice-runner')
      .describe('Work folder: mirrors, log spools, results not acknowledged yet.'),
    SLUICE_RUNNER_SLOTS: whole(1, 200, 2).describe('Jobs at the same time.'),
    SLUICE_RUNNER_JOB_NETWORK: z
      .enum(['open', 'internal'], { error: 'must be "open" or "internal"' })
      .default('open')
      .describe('`internal` = job networks have no way out at all.'),
    SLUICE_RUNNER_JOB_SUBNETS: z
      .string()
      .default(DEFAULT_JOB_SUBNETS)
      .superRefine((range, context) => {
        const problem = jobSubnetsProblem(range);
        if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
      })
      .describe('IPv4 range that networks of jobs are cut from, a /26 each.'),
    SLUICE_RUNNER_JOB_METADATA: z
      .enum(['denied', 'open'], { error: 'must be "denied" or "open"' })
      .default('denied')
      .describe('`open` = jobs may reach link-local addresses, where clouds answer with credentials.'),
    SLUICE_RUNNER_DNS: addressList.describe(
      "IPv4 addresses of name servers, divided by commas, that jobs use instead of the engine's.",
    ),
    SLUICE_RUNNER_HELPER_IMAGE: z
      .string()
      .max(512, 'is too long for an image')
      .regex(/^[A-Za-z0-9]/, 'must be the name of an image')
      .optional()
      .describe('Image with `sh` that holds the network for the steps of image builds.'),
    SLUICE_RUNNER_IMAGE_BUILDER: z
      .enum(['auto', 'buildkit', 'classic'], { error: 'must be "auto", "buildkit" or "classic"' })
      .default('auto')
      .describe(
        'Builder of images: `auto` = the BuildKit of the engine, or its classic builder where there is none or a helper image is set.',
      ),
    SLUICE_RUNNER_WARM_CONTAINERS: whole(0, 200, 0).describe(
      'Most containers of images used of late that are started before their job comes.',
    ),
    SLUICE_RUNNER_MAX_REPOSITORY_MIB: whole(1, 1_000_000, 20_480).describe('Largest mirror of one repository, in MiB.'),
    SLUICE_RUNNER_MIN_FREE_MIB: whole(0, 10_000_000, 1024).describe(
      'Free space in the work folder, in MiB, below which no new job is taken.',
    ),
    SLUICE_RUNNER_HOST_EXECUTOR: z
      .enum(['true', 'false'], { error: 'must be "true" or "false"' })
      .default('false')
      .describe(
        '`true` = jobs of a trusted pool that say `host: true` run on this machine itself, without a container.',
      ),
    SLUICE_RUNNER_KEPT_JOBS: whole(0, 50, 2).describe(
      'Containers of failed jobs that are kept at once for a debug shell, besides the slots. `0` = none.',
    ),
    SLUICE_RUNNER_ONCE: z
      .enum(['true', 'false'], { error: 'must be "true" or "false"' })
      .default('false')
      .describe('`true` = take one job and end, as `--once` does.'),
    SLUICE_GIT_ALLOW_ORIGINS: originList.describe(
      'Origins, divided by commas, whose repositories may be read over plain HTTP.',
    ),
    DOCKER_HOST: z
      .string()
      .regex(/^(unix:\/\/\/|tcp:\/\/|ssh:\/\/)/, 'must begin with unix:///, tcp:// or ssh://')
      .optional()
      .describe('Container engine. Default: /var/run/docker.sock.'),
    DOCKER_CERT_PATH: z.string().optional().describe('Folder with ca.pem, cert.pem and key.pem for a tcp:// engine.'),
    SLUICE_LOG_LEVEL: z
      .enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'], {
        error: 'must be fatal, error, warn, info, debug or silent',
      })
      .default('info')
      .describe("Least level of the runner's own log."),
  })
  .superRefine((env, context) => {
    if (env.SLUICE_RUNNER_IMAGE_BUILDER === 'buildkit' && env.SLUICE_RUNNER_HELPER_IMAGE !== undefined) {
      context.addIssue({
        code: 'custom',
        path: ['SLUICE_RUNNER_IMAGE_BUILDER'],
        message:
          'cannot be buildkit with SLUICE_RUNNER_HELPER_IMAGE: BuildKit does not take the network that the helper image holds; leave one of them out',
      });
    }
    if (env.SLUICE_RUNNER_HOST_EXECUTOR === 'true' && platform() !== 'linux') {
      context.addIssue({
        code: 'custom',
        path: ['SLUICE_RUNNER_HOST_EXECUTOR'],
        message: 'needs Linux, where the processes of a job can be found again; leave it out',
      });
    }
    if (
      env.DOCKER_HOST?.startsWith('tcp://') &&
      env.DOCKER_CERT_PATH === undefined &&
      !isLoopback(hostOf(env.DOCKER_HOST))
    ) {
      context.addIssue({
        code: 'custom',
        path: ['DOCKER_HOST'],
        message:
          'reaches another machine without TLS: set DOCKER_CERT_PATH to a folder with ca.pem, cert.pem and key.pem',
      });
    }
  });

/** Reads the settings; an empty variable counts as absent. */
export function readRunnerConfig(
  env: Readonly<Record<string, string | undefined>>,
  hostName: string,
): RunnerConfigResult {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const read = runnerEnvironment.safeParse({ SLUICE_RUNNER_NAME: hostName, ...present });
  if (!read.success)
    return { ok: false, problems: read.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}.`) };
  const values = read.data;
  return {
    ok: true,
    config: {
      serverUrl: values.SLUICE_URL,
      name: values.SLUICE_RUNNER_NAME,
      workDir: values.SLUICE_RUNNER_DIR,
      slots: values.SLUICE_RUNNER_ONCE === 'true' ? 1 : values.SLUICE_RUNNER_SLOTS,
      minFreeMiB: values.SLUICE_RUNNER_MIN_FREE_MIB,
      hostExecutor: values.SLUICE_RUNNER_HOST_EXECUTOR === 'true',
      // A runner that ends with its job has nobody to keep a container.
      keptJobs: values.SLUICE_RUNNER_ONCE === 'true' ? 0 : values.SLUICE_RUNNER_KEPT_JOBS,
      once: values.SLUICE_RUNNER_ONCE === 'true',
      gitHttpOrigins: values.SLUICE_GIT_ALLOW_ORIGINS,
      jobNetwork: values.SLUICE_RUNNER_JOB_NETWORK,
      jobSubnets: values.SLUICE_RUNNER_JOB_SUBNETS,
      jobMetadata: values.SLUICE_RUNNER_JOB_METADATA,
      nameServers: values.SLUICE_RUNNER_DNS,
      imageBuilder: values.SLUICE_RUNNER_IMAGE_BUILDER,
      warmContainers: values.SLUICE_RUNNER_ONCE === 'true' ? 0 : values.SLUICE_RUNNER_WARM_CONTAINERS,
      maxRepositoryMiB: values.SLUICE_RUNNER_MAX_REPOSITORY_MIB,
      logLevel: values.SLUICE_LOG_LEVEL,
      ...(values.SLUICE_RUNNER_TOKEN_FILE === undefined ? {} : { tokenFile: values.SLUICE_RUNNER_TOKEN_FILE }),
      ...(values.SLUICE_REGISTRATION_TOKEN === undefined
        ? {}
        : { registrationToken: values.SLUICE_REGISTRATION_TOKEN }),
      ...(values.SLUICE_RUNNER_HELPER_IMAGE === undefined ? {} : { helperImage: values.SLUICE_RUNNER_HELPER_IMAGE }),
      ...(values.DOCKER_HOST === undefined ? {} : { dockerHost: values.DOCKER_HOST }),
      ...(values.DOCKER_CERT_PATH === undefined ? {} : { dockerCertPath: values.DOCKER_CERT_PATH }),
    },
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function hostOf(address: string): string {
  return URL.parse(address.replace(/^tcp:/, 'http:'))?.hostname ?? '';
}
