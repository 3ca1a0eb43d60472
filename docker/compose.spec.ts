import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, cpSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  assembleBaseImages,
  ensureDebianPackages,
  eventually,
  freePort,
  onPath,
  startDockerEngine,
  startRegistry,
  temporaryFolder,
  type DockerEngine,
  type Registry,
} from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareContext } from './prepare-context.mjs';
import { runCommand, tryCommand } from './run-command.ts';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const folder = temporaryFolder('compose');
/** Of this process: several checkouts may use one engine. */
const project = `sluice-spec-${process.pid}`;
/** By which images of earlier runs are known. */
const LABEL = 'io.sluice.spec=compose';
let engine: DockerEngine;
let registry: Registry;
let settings: Record<string, string>;

/** The images are built from the Dockerfiles as the guide says, on base images that need no network. */
async function buildImages(): Promise<void> {
  const kinds = [
    ['server', 'node-dev:24'],
    ['runner', 'node-dev:24'],
    ['web', 'nginx:1'],
  ] as const;
  const build = async ([kind, base]: (typeof kinds)[number]) => {
    // A context of its own: the engine would be sent all three otherwise.
    const context = join(folder.path, kind);
    prepareContext({ target: join(context, 'docker/dist'), only: [kind] });
    cpSync(join(root, 'docker/proxy'), join(context, 'docker/proxy'), { recursive: true });
    const sources = `docker/dist/${kind}`;
    const args = [`BUILD_IMAGE=sluice-base/busybox:1`, `BASE_IMAGE=sluice-base/${base}`, `SOURCES=${sources}`];
    const file = join(root, `docker/${kind}.Dockerfile`);
    const options = ['-q', '-f', file, '-t', image(kind), '--label', LABEL];
    await runCommand('docker', ['build', ...options, ...args.flatMap((arg) => ['--build-arg', arg]), context]);
  };
  await Promise.all(kinds.map(build));
}

function image(kind: string): string {
  return `sluice-spec/${kind}:0.1.0`;
}

/** Fills `.env.example` as a person does. */
async function fillSettings(): Promise<Record<string, string>> {
  const [certificate, key] = ['certificate', 'key'].map((name) => join(folder.path, `${name}.pem`)) as [string, string];
  const name = ['-subj', '/CN=sluice.test', '-addext', 'subjectAltName=DNS:sluice.test'];
  const shape = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
  await runCommand('openssl', ['req', ...shape, ...name, '-keyout', key, '-out', certificate]);
  // The proxy runs as this user. Who is not root cannot give the file away, and opens it.
  if (process.getuid?.() === 0) chownSync(key, 10001, 10001);
  else chmodSync(key, 0o644);
  const secret = (bytes: number) => randomBytes(bytes).toString('hex');
  return {
    COMPOSE_PROJECT_NAME: project,
    SLUICE_HOST: 'sluice.test',
    SLUICE_TLS_CERTIFICATE: certificate,
    SLUICE_TLS_KEY: key,
    SLUICE_HTTPS_PORT: `127.0.0.1:${await freePort()}`,
    // Two networks of one engine must not overlap.
    // Outside of the ranges from which the engine gives networks theirs by itself: other tests make many.
    SLUICE_NETWORK: `10.213.${process.pid % 250}`,
    SLUICE_MASTER_KEY: secret(32),
    POSTGRES_PASSWORD: secret(24),
    REDIS_PASSWORD: secret(24),
    S3_ACCESS_KEY_ID: secret(24),
    S3_SECRET_ACCESS_KEY: secret(24),
    DOCKER_GID: String(statSync(engine.address.replace(/^unix:\/\//, '')).gid),
    SLUICE_REGISTRATION_TOKEN_1: '',
    SLUICE_REGISTRATION_TOKEN_2: '',
    SLUICE_REPOSITORY: root,
  };
}

/** `docker compose` with both files; the first generation of the tool, `docker-compose`, where there is no other. */
async function compose(...args: string[]): Promise<string> {
  const envFile = join(folder.path, '.env');
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(envFile, lines.join(''), { mode: 0o600 });
  const files = ['compose.yaml', 'stand-ins.yaml'].flatMap((name) => ['-f', join(root, 'docker', name)]);
  const [program = '', ...first] = await composeProgram();
  const { all, stdout, failed } = await tryCommand(program, [...first, '--env-file', envFile, ...files, ...args], {
    env: { DOCKER_HOST: engine.address },
  });
  if (failed) throw new Error(`compose ${args.join(' ')} failed: ${all}\n${await logs()}`);
  return stdout;
}

async function logs(): Promise<string> {
  const containers = await engine.docker.listContainers({
    all: true,
    filters: { label: [`com.docker.compose.project=${project}`] },
  });
  const texts = containers.map(async ({ Id, Names, Status }) => {
    const { all } = await tryCommand('docker', ['logs', '--tail', '15', Id]);
    return `--- ${Names[0]} (${Status})\n${all}`;
  });
  return (await Promise.all(texts)).join('\n');
}

let known: readonly string[] | undefined;
async function composeProgram(): Promise<readonly string[]> {
  if (known !== undefined) return known;
  const plugin = await tryCommand('docker', ['compose', 'version']);
  if (plugin.failed && !onPath('docker-compose')) await ensureDebianPackages(['docker-compose']);
  return (known = plugin.failed ? ['docker-compose'] : ['docker', 'compose']);
}

const visitor = (...args: string[]) =>
  compose('exec', '-T', 'visitor', 'node', '--conditions=@sluice/source', '/repository/docker/visitor.ts', ...args);

/** Each server prints a link while nobody has signed up, and only the newest one works. */
async function newestSetupToken(): Promise<string> {
  const printed = await eventually(
    async () => {
      const said = await compose('logs', '--timestamps', 'server-1', 'server-2');
      const links = [...said.matchAll(/(\d{4}-\d\d-\d\dT[\d:.]+Z)\s.*\/welcome\?token=([\w-]+)/g)];
      return links.length === 2 ? links : undefined;
    },
    { timeoutMs: 20_000, describe: 'the set-up links of both servers' },
  );
  const tokens = printed.map(([, time = '', token = '']) => ({ time, token }));
  return tokens.sort((one, other) => one.time.localeCompare(other.time)).at(-1)?.token ?? '';
}

beforeAll(async () => {
  await ensureDebianPackages(['openssl']);
  engine = await startDockerEngine({ stateDir: join(folder.path, 'engine') });
  registry = await startRegistry({ dataDir: join(folder.path, 'registry') });
  const only = ['base/busybox:1', 'base/node-dev:24', 'base/nginx:1', 'base/redis:7', 'base/postgres:15'] as const;
  await assembleBaseImages({ docker: engine.docker, only });
  await buildImages();
  settings = await fillSettings();
}, 240_000);

afterAll(async () => {
  if (settings !== undefined) await compose('--profile', 'runners', 'down', '--volumes', '--timeout', '5');
  const built = await engine?.docker.listImages({ filters: { reference: [`${registry?.host}/spec/first`] } });
  for (const { Id } of built ?? []) await engine.docker.getImage(Id).remove({ force: true });
  // Those that this run has replaced; the newest ones stay for the next run.
  await tryCommand('docker', ['image', 'prune', '--force', '--filter', `label=${LABEL}`]);
  await registry?.stop();
  await engine?.stop();
  folder.remove();
}, 90_000);

describe('what is shipped, started as the guide says', () => {
  it('takes a push to a passed run: two servers behind the proxy, two runners, PostgreSQL, Redis and S3', async () => {
    await compose('up', '-d');
    const tokens = (await visitor('set-up', await newestSetupToken())).split('\n');
    for (const [index, token] of tokens.entries()) settings[`SLUICE_REGISTRATION_TOKEN_${index + 1}`] = token;
    await compose('--profile', 'runners', 'up', '-d');
    const seen: unknown = JSON.parse(await visitor('push', registry.host));
    expect(seen).toEqual({
      status: 'passed',
      reason: null,
      jobs: { 'commit/unit': 'passed', 'build/image': 'passed', 'test/acceptance': 'passed' },
      image: expect.objectContaining({
        repository: `${registry.host}/spec/first`,
        digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      }),
      logs: {
        'commit/unit': expect.objectContaining({ lines: 90_000 }),
        'build/image': expect.objectContaining({ end: expect.stringContaining('pushed') }),
        'test/acceptance': expect.objectContaining({ end: 'hello from the built image' }),
      },
      runners: expect.arrayContaining([
        ['runner-1', expect.stringMatching(/^(idle|busy)$/)],
        ['runner-2', expect.stringMatching(/^(idle|busy)$/)],
      ]),
    });
    // The log was too long for the database, so it came back from the bucket.
    const s3 = await compose('logs', 's3');
    expect(s3).toMatch(/PUT \/sluice\/logs\/\S+ 200/);
    expect(s3).toMatch(/GET \/sluice\/logs\/\S+ 20[06]/);
  }, 240_000);

  it('serves from the server image alone, with a PostgreSQL of its own, and stops when told', async () => {
    const port = await freePort();
    const id = await runCommand('docker', ['run', '-d', '-p', `127.0.0.1:${port}:4000`, image('server')]);
    try {
      await eventually(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok, {
        timeoutMs: 60_000,
        describe: 'the server container to be ready',
      });
      const said = await eventually(
        async () => /http:\/\/localhost:4000\/welcome\?token=/.exec((await tryCommand('docker', ['logs', id])).all),
        { timeoutMs: 5_000, describe: 'the set-up link' },
      );
      expect(said).not.toBeNull();
      await runCommand('docker', ['stop', '--time', '30', id]);
      expect(await runCommand('docker', ['inspect', '--format', '{{.State.ExitCode}}', id])).toBe('0');
    } finally {
      await runCommand('docker', ['rm', '--force', '--volumes', id]);
    }
  }, 120_000);
});
