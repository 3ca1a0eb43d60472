import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { provideBaseImages } from '../base-images/provide-base-images.ts';
import type { BaseImage } from '../base-images/provide-base-images.ts';
import { startDockerEngine } from './docker-engine.ts';
import type { DockerEngine } from './docker-engine.ts';
import { manifestDigest } from './manifest-digest.ts';
import { startRegistry } from './registry.ts';
import type { Registry } from './registry.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder('container-spec');
let engine: DockerEngine;
let registry: Registry;
let images: readonly BaseImage[];

beforeAll(async () => {
  engine = await startDockerEngine({ stateDir: folder.path });
  registry = await startRegistry({ dataDir: `${folder.path}/registry` });
  images = await provideBaseImages({ docker: engine.docker, registry });
}, 300_000);
afterAll(async () => {
  for (const { reference } of images ?? []) await engine.docker.getImage(reference).remove({ force: true });
  await registry?.stop();
  await engine?.stop();
  folder.remove();
}, 60_000);

async function output(image: string, command: string[], user = ''): Promise<{ text: string; status: number }> {
  const out = new PassThrough();
  let text = '';
  out.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [result, container] = (await engine.docker.run(referenceOf(image), command, [out, out], {
    Tty: false,
    User: user,
    HostConfig: { NetworkMode: 'none' },
  })) as [{ StatusCode: number }, { remove(): Promise<void> }];
  await container.remove();
  return { text: text.trimEnd(), status: result.StatusCode };
}

function referenceOf(name: string): string {
  return images.find((image) => image.name === name)?.reference ?? expect.unreachable(`no image ${name}`);
}

describe('the container engine', () => {
  it('answers, and a second start uses the same one', async () => {
    const again = await startDockerEngine({ stateDir: `${folder.path}/other` });
    expect(again.version).toBe(engine.version);
    expect(again.startedByUs).toBe(engine.startedByUs);
    await again.stop();
    expect((await engine.docker.ping()).toString()).toBe('OK');
  });

  it('says which setting names an engine that does not answer', async () => {
    const before = process.env['DOCKER_HOST'];
    process.env['DOCKER_HOST'] = 'unix:///nowhere/engine.sock';
    try {
      await expect(startDockerEngine({ stateDir: folder.path })).rejects.toThrow(
        'No container engine answers at DOCKER_HOST=unix:///nowhere/engine.sock',
      );
    } finally {
      if (before === undefined) delete process.env['DOCKER_HOST'];
      else process.env['DOCKER_HOST'] = before;
    }
  });
});

describe('the registry', () => {
  it('keeps each base image under the digest that the engine was told', async () => {
    for (const { name, digest, reference } of images) {
      const [repository = '', tag = ''] = name.split(':');
      expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(await manifestDigest(registry.url, repository, tag)).toBe(digest);
      const { RepoDigests } = await engine.docker.getImage(reference).inspect();
      expect(RepoDigests).toContain(`${registry.host}/${repository}@${digest}`);
    }
    expect(await manifestDigest(registry.url, 'base/node', 'no-such-tag')).toBeUndefined();
  });

  it('is adopted by a second start on its port, which then does not stop it', async () => {
    const again = await startRegistry({ dataDir: folder.path, port: registry.port });
    expect(again.startedByUs).toBe(false);
    await again.stop();
    expect((await fetch(`${registry.url}/v2/`)).status).toBe(200);
  });

  it('deletes a manifest when asked', async () => {
    const target = engine.docker.getImage(referenceOf('base/busybox:1'));
    const repo = `${registry.host}/scratch/gone`;
    await target.tag({ repo, tag: '1' });
    const copy = engine.docker.getImage(`${repo}:1`);
    const stream = await copy.push({ authconfig: { username: '', password: '', serveraddress: '' } });
    await new Promise<void>((resolve, reject) =>
      engine.docker.modem.followProgress(stream, (error: Error | null) => (error === null ? resolve() : reject(error))),
    );
    const digest = await manifestDigest(registry.url, 'scratch/gone', '1');
    expect((await fetch(`${registry.url}/v2/scratch/gone/manifests/${digest}`, { method: 'DELETE' })).status).toBe(202);
    expect(await manifestDigest(registry.url, 'scratch/gone', '1')).toBeUndefined();
    await copy.remove();
  });
});

describe('base images', () => {
  it('are left alone by a second call', async () => {
    const said: string[] = [];
    expect(await provideBaseImages({ docker: engine.docker, registry, report: (line) => said.push(line) })).toEqual(
      images,
    );
    expect(said).toEqual([]);
  });

  it('run Node 24 with its test runner writing JUnit', async () => {
    const script = `echo "import test from 'node:test'; test('sums', () => { if (1 + 1 !== 2) throw new Error() })" > /tmp/a.test.mjs && node --test --test-reporter=junit /tmp/a.test.mjs && node -p "process.version + new Intl.NumberFormat('de').format(1e6)"`;
    const { text, status } = await output('base/node:24', ['sh', '-c', script]);
    expect(text).toContain('<testcase name="sums"');
    expect(text).toMatch(/v24\.\d+\.\d+1\.000\.000/);
    expect(status).toBe(0);
  });

  it('run Python 3 with its standard library as an ordinary user', async () => {
    const script =
      'import ssl, sqlite3, json, hashlib, unittest, http.server, xml.etree.ElementTree, ctypes, zoneinfo, os; print(sqlite3.connect(":memory:").execute("select 6*7").fetchone()[0], os.getuid())';
    expect(await output('base/python:3', ['python3', '-c', script], 'app')).toEqual({ text: '42 1000', status: 0 });
  });

  it.each(['base/node:24', 'base/python:3', 'base/busybox:1'])(
    '%s has the shell and the tools that steps use',
    async (name) => {
      const { text, status } = await output(name, [
        'sh',
        '-ec',
        'for tool in sh ls cat sleep wget tar grep sed env id; do command -v $tool; done; id -un; touch /tmp/x; ls -ld /tmp',
      ]);
      expect(status).toBe(0);
      expect(text).toContain('wget\n');
      expect(text).toContain('\nroot\n');
      expect(text).toMatch(/drwxrwxrwt/);
    },
  );
});
