import { isIP } from 'node:net';
import { z } from 'zod';

/**
 * Every variable the server knows, with what the reference page says about it. An option is added here and nowhere else.
 * Values are texts as the environment holds them; empty text counts as not set.
 */
const number = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `write a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `write a whole number from ${min} to ${max}`);

const days = number(1, 36_500);

const addressOf = (...protocols: string[]) =>
  z.string().refine(
    (text) => {
      const url = URL.parse(text);
      return url !== null && protocols.includes(url.protocol);
    },
    `write an address that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  );

const listOf = (fits: (part: string) => boolean, remedy: string) =>
  z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    )
    .refine((list) => list.every(fits), remedy);

const origins = listOf(
  isOrigin,
  'write origins such as http://127.0.0.1:4010, separated by commas, without path, user or trailing slash',
);

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && ['http:', 'https:'].includes(url.protocol) && url.origin === text;
}

const engines = listOf(
  (engine) => /^(unix|ssh|tcp):\/\/.+/.test(engine),
  'write engine addresses such as unix:///var/run/docker.sock or tcp://docker.example.com:2376, separated by commas',
);

const networks = listOf(
  isNetwork,
  'write addresses and networks of the proxies such as 10.0.0.7 or 10.0.0.0/24, separated by commas; not the whole internet',
);

/** A network of /0 would let anybody say who they are. */
function isNetwork(text: string): boolean {
  const [address = '', bits, more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more !== undefined) return false;
  if (bits === undefined) return true;
  return /^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
}

const publicUrl = addressOf('http:', 'https:')
  .refine((text) => {
    const url = URL.parse(text);
    return (
      url !== null &&
      url.pathname === '/' &&
      url.search === '' &&
      url.hash === '' &&
      url.username === '' &&
      url.password === ''
    );
  }, 'write only scheme, host and port, such as https://sluice.example.com')
  .transform((text) => new URL(text).origin);

const masterKey = z.string().refine((text) => {
  const bytes = /^[0-9a-f]+$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  return bytes.length === 32;
}, 'write 32 random bytes as 64 hex digits or as base64; make one with: openssl rand -hex 32');

const blobUrl = z.string().refine((text) => {
  const url = URL.parse(text);
  return url === null
    ? text !== '' && !text.includes('://')
    : (url.protocol === 's3:' && url.hostname !== '') || url.protocol === 'file:';
}, 'write a folder, or s3://bucket/prefix?endpoint=https://host&region=name');

/** `default` is what the reference page shows; the values themselves are filled in by `readConfig`. */
function variable<T extends z.ZodType>(schema: T, about: { default: string; description: string }) {
  return schema.optional().meta(about);
}

export const environmentVariables = z.object({
  PORT: variable(number(0, 65535), {
    default: '`4000`',
    description: 'Port the server listens on; 0 takes any free one.',
  }),
  HOST: variable(
    z
      .string()
      .regex(/^[A-Za-z0-9.:_-]+$/, 'write a host name or an address to listen on, such as 127.0.0.1 or 0.0.0.0'),
    {
      default: '`127.0.0.1`',
      description:
        'Address the server listens on. `0.0.0.0` opens it to the network; put TLS in front of it and set `PUBLIC_URL`.',
    },
  ),
  PUBLIC_URL: variable(publicUrl, {
    default: '`http://localhost:<PORT>`',
    description:
      'Origin by which people and forges reach the server. Links are made from it alone, never from a request header. Sign-in needs https here, except on loopback.',
  }),
  SLUICE_DATA: variable(z.string().min(1), {
    default: '`.sluice`',
    description: 'Folder of everything a standalone server keeps: database, blobs, mirrors, master key.',
  }),
  DATABASE_URL: variable(addressOf('postgres:', 'postgresql:'), {
    default: 'embedded PostgreSQL in `SLUICE_DATA`',
    description:
      'PostgreSQL 15 or newer, `postgres://user:password@host:port/database`. Setting it means distributed mode.',
  }),
  REDIS_URL: variable(addressOf('redis:', 'rediss:'), {
    default: 'queue on PostgreSQL',
    description: 'Redis for wake-up messages, `redis://host:port`.',
  }),
  SLUICE_BLOB_URL: variable(blobUrl, {
    default: '`<SLUICE_DATA>/blobs`',
    description:
      "Where logs and artifacts lie: a folder, or `s3://bucket/prefix?endpoint=https://host&region=name`. Keys come from `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` or the machine's role.",
  }),
  SLUICE_MASTER_KEY: variable(masterKey, {
    default: 'the key file',
    description:
      'Key that seals secrets, 32 bytes as hex or base64. Distributed mode needs this or `SLUICE_MASTER_KEY_FILE`. Losing it means setting every secret again.',
  }),
  SLUICE_MASTER_KEY_FILE: variable(z.string().min(1), {
    default: '`<SLUICE_DATA>/master.key`, made at the first start of a standalone server',
    description:
      'File that holds the key, readable by the server alone. Keep a copy outside the machine and apart from database backups.',
  }),
  SLUICE_DOCKER_ENGINES: variable(engines, {
    default: 'none',
    description:
      'Exact addresses of container engines, separated by commas, that team admins may name as a Docker target, such as `unix:///var/run/docker.sock`. Whoever may use an engine is root on its machine.',
  }),
  SLUICE_GIT_ALLOW_ORIGINS: variable(origins, {
    default: 'none',
    description:
      'Exact origins, separated by commas, from which repositories may be read and where forges may be told of runs, besides public https and ssh addresses, such as `http://127.0.0.1:4010`.',
  }),
  SLUICE_LOOK_MINUTES: variable(number(0, 1440), {
    default: '`5`',
    description:
      'How often the branches of each repository are looked at for pushes that no webhook announced. `0` = only when a person asks for it.',
  }),
  SLUICE_TRUSTED_PROXIES: variable(networks, {
    default: 'none',
    description:
      'Addresses and networks, separated by commas, of the proxies in front of the server. From these alone `X-Forwarded-For` and `X-Forwarded-Proto` are believed: for limits per address, in the audit trail, and to see that a sign-in came by https.',
  }),
  SLUICE_RUNNER: variable(z.enum(['embedded', 'off'], 'write embedded or off'), {
    default: '`embedded`; `off` in distributed mode',
    description: 'Whether the server starts and supervises one runner of its own.',
  }),
  SLUICE_RUNNER_SLOTS: variable(number(1, 64), {
    default: '`2`',
    description: 'Jobs that the embedded runner does at once.',
  }),
  SLUICE_PIPELINES_DIR: variable(z.string().min(1), {
    default: '`pipelines` in the working directory, if it is there',
    description: 'Folder with teams, environments and definitions that are loaded at every start.',
  }),
  SLUICE_WEB_DIR: variable(z.string().min(1), {
    default: "the server's own build of the pages",
    description: 'Folder with the built web pages.',
  }),
  SLUICE_METRICS_TOKEN: variable(
    z
      .string()
      .regex(
        /^[\x21-\x7e]{16,200}$/,
        'write at least 16 characters without spaces; make one with: openssl rand -hex 32',
      ),
    {
      default: 'not set: there is no `/metrics`',
      description: 'Bearer token with which Prometheus reads `/metrics`: work and slots of each pool.',
    },
  ),
  SLUICE_LEASE_SECONDS: variable(number(5, 3600), {
    default: '`60`',
    description: "A runner's right to an attempt ends this long after its last renewal.",
  }),
  SLUICE_LEASE_RENEW_SECONDS: variable(number(1, 600), {
    default: '`10`',
    description:
      'How often a runner renews; also how soon it learns of a cancel. At most half of `SLUICE_LEASE_SECONDS`.',
  }),
  SLUICE_DEBUG_MINUTES: variable(number(0, 240), {
    default: '`60`',
    description:
      'Longest time for which the container of a failed job is kept when somebody asks for it, see [debug shell](../guides/debug-shell.md). `0` = none is ever kept.',
  }),
  SLUICE_LOG_LIMIT_BYTES: variable(number(65536, 8_589_934_592), {
    default: '`1073741824`',
    description: 'Longest log of one attempt. Reached, the log is marked truncated and the job goes on.',
  }),
  SLUICE_ARTIFACT_LIMIT_BYTES: variable(number(65536, 5_368_709_120), {
    default: '`1073741824`',
    description: 'Largest artifact, packed. A job whose artifact is larger fails.',
  }),
  SLUICE_CACHE_LIMIT_BYTES: variable(number(65536, 5_368_709_120), {
    default: '`1073741824`',
    description: 'Largest single cache, packed. A larger one is not kept; the job goes on.',
  }),
  SLUICE_CACHE_TEAM_BYTES: variable(number(65536, 1_099_511_627_776), {
    default: '`10737418240`',
    description: 'Room for the caches of one team. Beyond it, those that were not used for the longest time go first.',
  }),
  SLUICE_CACHE_DAYS: variable(number(1, 365), {
    default: '`14`',
    description: 'A cache that nobody used for so long is not given out any more.',
  }),
  SLUICE_RETENTION: variable(z.enum(['on', 'off'], 'write on or off'), {
    default: '`on`',
    description:
      'Whether what is old is removed, see [retention](../guides/retention.md). `off` lets everything grow for ever.',
  }),
  SLUICE_RETENTION_RUN_DAYS: variable(days, {
    default: '`365`',
    description: 'Days for which an ended run is kept, with its events, attempts, release and deployments.',
  }),
  SLUICE_RETENTION_RUNS: variable(number(1, 1_000_000), {
    default: '`2000`',
    description: 'Most runs of one service; the oldest ended ones go first, also before their days are over.',
  }),
  SLUICE_RETENTION_LOG_DAYS: variable(days, {
    default: '`90`',
    description: 'Days for which the log of an attempt is kept after its end.',
  }),
  SLUICE_RETENTION_TEST_DAYS: variable(days, {
    default: '`180`',
    description: 'Days for which test cases and report files are kept; their counts stay with the run.',
  }),
  SLUICE_RETENTION_DEPLOYMENT_EVENT_DAYS: variable(days, {
    default: '`180`',
    description: 'Days for which is kept, step by step, what the target of an ended deployment did.',
  }),
  SLUICE_RETENTION_DELIVERY_DAYS: variable(days, {
    default: '`90`',
    description: 'Days for which a received webhook is kept.',
  }),
  SLUICE_RETENTION_AUDIT_DAYS: variable(number(30, 36_500), {
    default: '`1095`',
    description: 'Days for which an audit entry is kept. What is left can still be proved to be whole.',
  }),
  SLUICE_RETENTION_ACCESS_DAYS: variable(days, {
    default: '`30`',
    description: 'Days for which sessions, tokens and links are still listed after their end.',
  }),
  SLUICE_RETENTION_MESSAGE_DAYS: variable(days, {
    default: '`30`',
    description: 'Days after which an internal message that fails again and again is given up, with a line in the log.',
  }),
  SLUICE_FAILPOINTS: variable(z.string(), {
    default: 'none',
    description: 'Named places where a test makes the server fail; refused when `NODE_ENV=production`.',
  }),
  LOG_LEVEL: variable(
    z.enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'write fatal, error, warn, info, debug, trace or silent',
    ),
    {
      default: '`info`',
      description: 'Least level of the server log.',
    },
  ),
  NODE_ENV: variable(z.string(), { default: 'none', description: '`production` refuses failpoints.' }),
});

export type EnvironmentVariables = z.infer<typeof environmentVariables>;
