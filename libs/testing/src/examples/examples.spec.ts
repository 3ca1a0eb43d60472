import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { checkDefinition } from '@sluice/pipeline-spec';
import type { Definition, JobSpec } from '@sluice/pipeline-spec';
import type Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { provideBaseImages } from '../base-images/provide-base-images.ts';
import { startDockerEngine } from '../parts/docker-engine.ts';
import type { DockerEngine } from '../parts/docker-engine.ts';
import { eventually } from '../parts/eventually.ts';
import { manifestDigest } from '../parts/manifest-digest.ts';
import { startRegistry } from '../parts/registry.ts';
import type { Registry } from '../parts/registry.ts';
import { temporaryFolder } from '../parts/temporary-folder.ts';
import { copyExample } from './copy-example.ts';

// The example services as a pipeline would treat them, by hand: their own steps, in their own images, on a real engine.

const EXAMPLES = fileURLToPath(new URL('../../../../examples/', import.meta.url));
const COMMIT = '3f786850e387550fdab836ed7e6dc881de23001b';
const folder = temporaryFolder('examples-spec');
let engine: DockerEngine;
let docker: Docker;
let registry: Registry;

beforeAll(async () => {
  engine = await startDockerEngine({ stateDir: folder.path });
  docker = engine.docker;
  registry = await startRegistry({ dataDir: join(folder.path, 'registry') });
  await provideBaseImages({ docker, registry });
}, 300_000);
afterAll(async () => {
  const tags = (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
  const ours = tags.filter((tag) => tag.startsWith(`${registry.host}/`));
  for (const tag of ours) await docker.getImage(tag).remove({ force: true });
  await registry?.stop();
  await engine?.stop();
  folder.remove();
}, 60_000);

function follow(stream: NodeJS.ReadableStream): Promise<{ stream?: string; aux?: { Digest?: string } }[]> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(
      stream,
      (error: Error | null, steps: { error?: string; aux?: { Digest?: string } }[]) => {
        const failed = steps?.find((step) => step.error !== undefined)?.error;
        if (error !== null || failed !== undefined) reject(new Error(failed ?? error?.message));
        else resolve(steps);
      },
    );
  });
}

async function buildAndPush(work: string, repository: string): Promise<string> {
  const tar = spawn('tar', ['--create', '--directory', work, '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const tag = `${repository}:${COMMIT.slice(0, 12)}`;
  await follow(
    await docker.buildImage(tar.stdout, {
      t: tag,
      buildargs: { SLUICE_COMMIT: COMMIT },
      networkmode: 'none',
      rm: true,
    }),
  );
  const pushed = await follow(
    await docker.getImage(tag).push({ authconfig: { username: '', password: '', serveraddress: '' } }),
  );
  return pushed.map(({ aux }) => aux?.Digest).find((digest) => digest !== undefined) ?? expect.unreachable('no digest');
}

async function runSteps(
  job: JobSpec,
  work: string,
  network: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ status: number; log: string }> {
  let log = '';
  for (const step of job.steps) {
    const out = new PassThrough().on('data', (chunk: Buffer) => (log += chunk.toString()));
    const variables = Object.entries({ ...job.env, ...step.env, ...env }).map(([name, value]) => `${name}=${value}`);
    const [{ StatusCode }, container] = (await docker.run(job.image!, ['sh', '-e', '-c', step.run], [out, out], {
      Tty: false,
      Env: variables,
      WorkingDir: '/workspace',
      HostConfig: { Binds: [`${work}:/workspace`], NetworkMode: network },
    })) as [{ StatusCode: number }, Docker.Container];
    await container.remove();
    if (StatusCode !== 0) return { status: StatusCode, log };
  }
  return { status: 0, log };
}

function definitionOf(work: string): Definition {
  const { definition, findings } = checkDefinition(readFileSync(join(work, 'sluice.yaml'), 'utf8'), 'sluice.yaml');
  expect(findings).toEqual([]);
  return definition ?? expect.unreachable('no definition');
}

function jobOf(stage: Definition['commit'], name: string): JobSpec {
  return stage?.jobs[name] ?? expect.unreachable(`no job ${name}`);
}

describe.each(['catalog', 'account', 'recommendation'])('the example %s', (name) => {
  const work = join(folder.path, name);
  beforeAll(() => copyExample(join(EXAMPLES, name), work, registry.host));

  it('has a definition without findings that goes all the way to production', () => {
    const definition = definitionOf(work);
    expect(definition.service).toBe(name);
    expect(definition.release.map(({ environment }) => environment)).toEqual(['staging', 'production']);
  });

  it('passes its unit tests in its job image without a network, and reports them as JUnit', async () => {
    const { status, log } = await runSteps(jobOf(definitionOf(work).commit, 'unit'), work, 'none');
    expect(status, log).toBe(0);
    const report = readFileSync(join(work, 'reports', 'unit.xml'), 'utf8');
    expect(report.match(/<testcase /g)?.length).toBeGreaterThanOrEqual(8);
    expect(report).not.toMatch(/<(failure|error)\b/);
  }, 60_000);

  it('builds without a network, and its digest passes the acceptance tests over HTTP', async () => {
    const definition = definitionOf(work);
    const repository = definition.build?.image.repository ?? expect.unreachable('no build stage');
    const digest = await buildAndPush(work, repository);
    expect(await manifestDigest(registry.url, `shop/${name}`, COMMIT.slice(0, 12))).toBe(digest);

    const network = await docker.createNetwork({ Name: `sluice-example-${process.pid}-${name}` });
    const app = await docker.createContainer({
      Image: `${repository}@${digest}`,
      HostConfig: {
        NetworkMode: network.id,
        CapDrop: ['ALL'],
        ReadonlyRootfs: true,
        SecurityOpt: ['no-new-privileges'],
      },
      NetworkingConfig: { EndpointsConfig: { [network.id]: { Aliases: ['app'] } } },
    });
    try {
      await app.start();
      await eventually(async () => (await app.inspect()).State.Health?.Status === 'healthy', {
        timeoutMs: 30_000,
        describe: `${name} to be healthy`,
      });
      const acceptance = jobOf(definition.test, 'acceptance');
      const { status, log } = await runSteps(acceptance, work, network.id, { SLUICE_COMMIT: COMMIT });
      expect(status, log).toBe(0);
      expect(readFileSync(join(work, 'reports', 'acceptance.xml'), 'utf8')).toMatch(/<testcase /);
      // Another commit's image would be noticed.
      expect((await runSteps(acceptance, work, network.id, { SLUICE_COMMIT: 'f'.repeat(40) })).status).toBe(1);
      const { Config } = await app.inspect();
      expect(Config.Labels['org.opencontainers.image.revision']).toBe(COMMIT);
      expect(Config.User).toBe('1000');
      // It goes at the first request: a kill after the grace period would be exit code 137.
      await app.stop({ t: 10 });
      expect((await app.inspect()).State.ExitCode).toBe(0);
    } finally {
      await app.remove({ force: true });
      await network.remove();
    }
  }, 120_000);
});
