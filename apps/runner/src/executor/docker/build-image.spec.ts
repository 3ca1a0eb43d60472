import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { connect, createServer as createPassage } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LeaseGrant } from '@sluice/protocol';
import {
  eventually,
  manifestDigest,
  provideBaseImages,
  REGISTRY_LOGIN,
  startDockerEngine,
  startRegistry,
} from '@sluice/testing';
import type { DockerEngine, Registry } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AttemptRecord } from '../../testing/fake-server.ts';
import type { RunnerBench } from '../../testing/runner-bench.ts';
import { runnerBench } from '../../testing/runner-bench.ts';
import type { ImageWork } from '../executor.port.ts';
import type { ImageBuilder } from './build-image.ts';
import { openBuildkitSession } from './buildkit-session.ts';
import { connectEngine } from './connect-engine.ts';
import type { DockerExecutorOptions } from './docker-executor.ts';
import { DockerExecutor } from './docker-executor.ts';
import { removed } from './engine-trouble.ts';

let engine: DockerEngine;
let registry: Registry;
let locked: Registry;
let busybox: string;
let bench: RunnerBench;
/** Registries of this spec, which are gone after it. */
const hosts = new Set<string>();
const state = mkdtempSync(join(tmpdir(), 'sluice-build-image-'));

beforeAll(async () => {
  engine = await startDockerEngine({ stateDir: state });
  registry = await startRegistry({ dataDir: join(state, 'registry') });
  locked = await startRegistry({ dataDir: join(state, 'locked'), locked: true });
  for (const { host } of [registry, locked]) hosts.add(host);
  const images = await provideBaseImages({ docker: engine.docker, registry, only: ['base/busybox:1'] });
  busybox = images[0]!.reference;
}, 300_000);
afterAll(async () => {
  const images = await engine.docker.listImages();
  const names = images.flatMap(({ RepoTags, RepoDigests }) => [...(RepoTags ?? []), ...(RepoDigests ?? [])]);
  for (const name of names.filter((one) => hosts.has(one.split('/')[0] ?? '')))
    await removed(() => engine.docker.getImage(name).remove({ force: true }));
  await registry.stop();
  await locked.stop();
  await engine.stop();
  rmSync(state, { recursive: true, force: true });
});
beforeEach(async () => {
  bench = await runnerBench();
});
afterEach(() => bench.stop());

const start = (options: Partial<DockerExecutorOptions>) =>
  bench.start({
    executor: (runner) => new DockerExecutor({ docker: engine.docker, runner, internalNetwork: false, ...options }),
    graceMs: 2000,
  });
const ended = (record: AttemptRecord) =>
  eventually(() => record.results[0], { describe: 'the result', timeoutMs: 60_000, everyMs: 20 });
const newRepository = (name: string, { host }: { readonly host: string } = registry) =>
  `${host}/team/${name}-${randomUUID().slice(0, 8)}`;

/** Gives a job that builds this Dockerfile. */
function give(
  dockerfile: string,
  repository: string,
  work: Partial<ImageWork> = {},
  more: Partial<Pick<LeaseGrant, 'registries'>> & {
    readonly run?: Partial<LeaseGrant['run']>;
    readonly timeoutSeconds?: number;
  } = {},
): AttemptRecord & { readonly commit: string } {
  const commit = bench.push({ 'services/catalog/Dockerfile': dockerfile });
  const { run, job, source, ...grant } = bench.grant({
    kind: 'image',
    context: '.',
    dockerfile: 'Dockerfile',
    repository,
    args: {},
    platforms: [],
    ...work,
  });
  const record = bench.server.give({
    ...grant,
    run: { ...run, commit, ...more.run },
    job: { ...job, timeoutSeconds: more.timeoutSeconds ?? job.timeoutSeconds },
    source: { ...source, commit },
    registries: more.registries ?? [],
  });
  return Object.assign(record, { commit });
}

async function passed(record: AttemptRecord): Promise<{ digest: string; log: string }> {
  const result = await ended(record);
  expect(result, record.log.toString()).toMatchObject({ outcome: 'passed' });
  return { digest: result.image?.digest ?? '', log: record.log.toString() };
}

const forget = (repository: string, { commit }: { commit: string }) =>
  engine.docker.getImage(`${repository}:${commit}`).remove({ force: true });

/** What every builder has to do alike. */
describe.each<ImageBuilder>(['classic', 'buildkit'])('the builder %s', (builder) => {
  test("builds from the context that .dockerignore leaves and pushes; the digest is the registry's", async () => {
    bench.push({
      'services/catalog/.dockerignore': 'secret\n*.log\n!keep.log\nDockerfile\n',
      'services/catalog/secret/key': 'x',
      'services/catalog/a.log': 'x',
      'services/catalog/keep.log': 'x',
    });
    const repository = newRepository('catalog');
    const dockerfile = [
      `FROM ${busybox} AS first`,
      'ARG SLUICE_COMMIT',
      'ARG FLAVOUR',
      'COPY . /app',
      'RUN echo "$SLUICE_COMMIT $FLAVOUR" > /app/made && ls -R /app && cat /app/made',
      'FROM first',
      'RUN exit 1',
    ].join('\n');
    const record = give(dockerfile, repository, {
      args: { FLAVOUR: 'plain' },
      target: 'first',
      platforms: ['linux/amd64'],
    });
    await start({ builder });
    const { digest, log } = await passed(record);
    const [, path = ''] = /^[^/]+\/(.*)$/.exec(repository) ?? [];
    expect(await manifestDigest(registry.url, path, record.commit)).toBe(digest);
    const inspected = await engine.docker.getImage(`${repository}@${digest}`).inspect();
    expect(inspected.Config.Labels).toMatchObject({
      'org.opencontainers.image.revision': record.commit,
      'org.opencontainers.image.source': record.grant.source.url,
    });
    expect(log).toContain(`${record.commit} plain\n`);
    expect(log).toContain('keep.log');
    expect(log).not.toContain('a.log\n');
    expect(log).not.toContain('secret\n');

    // The very digest is then the image of a later job.
    const made = bench.server.give(bench.steps(['cat /app/made'], { image: `${repository}@${digest}` }));
    expect(await ended(made)).toMatchObject({ outcome: 'passed' });
    expect(made.log.toString()).toContain(`${record.commit} plain`);
  }, 120_000);

  test('takes the layers of the last release on a machine without them; where they cannot be had it builds anew', async () => {
    // The random word keeps what the engine remembers of earlier builds out.
    const word = randomUUID();
    const dockerfile = `FROM ${busybox}\nRUN head -c 16 /dev/urandom > /made # ${word}\n`;
    const repository = newRepository('layers');
    const buildOnFreshMachine = async (cacheFrom?: string) => {
      const record = give(dockerfile, repository, cacheFrom === undefined ? {} : { cacheFrom });
      const done = await passed(record);
      await forget(repository, record);
      await forgetSteps(word);
      return { ...done, layers: await layersOf(repository, done.digest) };
    };
    await start({ builder });
    const first = await buildOnFreshMachine();
    expect((await buildOnFreshMachine()).layers).not.toEqual(first.layers);
    expect((await buildOnFreshMachine(`${repository}@${first.digest}`)).layers).toEqual(first.layers);
    const anew = await buildOnFreshMachine(`${repository}@sha256:${'0'.repeat(64)}`);
    expect(anew.log).toContain('the build begins without its layers');
    expect(anew.layers).not.toEqual(first.layers);
  }, 180_000);

  test('a build that says no is failed with its exit code; a registry that is away is errored', async () => {
    const broken = give(`FROM ${busybox}\nRUN exit 9\n`, newRepository('broken'));
    const typo = give('FORM x\n', newRepository('typo'));
    const missing = give(`FROM ${busybox}\nCOPY nothing /x\n`, newRepository('missing'));
    const absent = give(`FROM ${busybox}\n`, newRepository('absent'), { dockerfile: 'Absent' });
    const stranger = give(`FROM ${registry.host}/nobody/has-this\n`, newRepository('stranger'));
    const baseAway = give('FROM 127.0.0.1:1/away\n', newRepository('base-away'));
    const away = give(`FROM ${busybox}\n`, '127.0.0.1:1/away');
    await start({ builder });
    const failed = { outcome: 'failed', reason: { code: 'image-build' } };
    expect(await ended(broken)).toMatchObject({ ...failed, exitCode: 9 });
    for (const record of [typo, missing, absent, stranger]) expect(await ended(record)).toMatchObject(failed);
    for (const record of [baseAway, away])
      expect(await ended(record)).toMatchObject({ outcome: 'errored', reason: { code: 'registry' } });
    await engine.docker.getImage(`127.0.0.1:1/away:${away.commit}`).remove({ force: true });
  }, 180_000);

  test('uses the credential of each registry for it alone, and shows none', async () => {
    const asked: (string | undefined)[] = [];
    const thief = createServer((request, response) => {
      asked.push(request.headers.authorization);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="give me all"' }).end();
    });
    await new Promise<void>((listening) => thief.listen(0, '127.0.0.1', listening));
    const { port } = thief.address() as AddressInfo;
    const registries = [{ registry: locked.host, ...REGISTRY_LOGIN }];
    const repository = newRepository('private', locked);
    try {
      await start({ builder });
      const base = give(`FROM ${busybox}\nRUN echo ${randomUUID()} > /base\n`, repository, {}, { registries });
      const { digest } = await passed(base);
      await forget(repository, base);

      const from = `FROM ${repository}@${digest}\nARG WORD\nRUN echo "the word is $WORD"\n`;
      const target = newRepository('from-private');
      const open = await passed(give(from, target, { args: { WORD: REGISTRY_LOGIN.password } }, { registries }));
      expect(open.log).toContain('the word is •••');
      expect(open.log).not.toContain(REGISTRY_LOGIN.password);

      const unlike = `FROM ${repository}:none\n`;
      expect(await ended(give(unlike, target))).toMatchObject({ outcome: 'failed', reason: { code: 'image-build' } });
      const stolen = give(`FROM 127.0.0.1:${port}/x\n`, newRepository('stolen'), {}, { registries });
      expect(await ended(stolen)).toMatchObject({ reason: { code: 'image-build' } });
      expect(asked.length).toBeGreaterThan(0);
      expect(asked.filter((header) => header === LOGIN)).toEqual([]);
    } finally {
      thief.close();
    }
  }, 180_000);

  test('several platforms become one index that the registry has by the digest; each image is for its platform', async () => {
    const front = await tokenRegistry(locked);
    const registries = [{ registry: front.host, ...REGISTRY_LOGIN }];
    const repository = newRepository('index', front);
    try {
      await start({ builder });
      const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'];
      const record = give('FROM scratch\nCOPY Dockerfile /x\n', repository, { platforms }, { registries });
      const { digest } = await passed(record);
      const index = await manifestOf(repository, record.commit);
      expect(index.digest).toBe(digest);
      const made = await Promise.all(
        (index.body.manifests ?? []).map(async ({ digest: image, platform }) => {
          const { config } = (await manifestOf(repository, image)).body;
          const { os, architecture, variant } = await blobOf(repository, config!.digest);
          expect({ os, architecture, variant }).toMatchObject(platform);
          return [os, architecture, variant].filter((part) => part !== undefined && part !== '').join('/');
        }),
      );
      expect(made).toEqual(platforms);

      // An engine takes its own of the images by the digest of the index.
      const pulled = await engine.docker.pull(`${repository}@${digest}`, {
        authconfig: { ...REGISTRY_LOGIN, serveraddress: front.host },
      });
      await new Promise((done) => pulled.on('end', done).resume());
      const { RepoDigests, Architecture } = await engine.docker.getImage(`${repository}@${digest}`).inspect();
      expect(RepoDigests).toContain(`${repository}@${digest}`);
      expect(`linux/${Architecture}`).toBe('linux/amd64');
    } finally {
      await front.stop();
    }
  }, 180_000);

  test('F61 a cancel and a timeout end the build in the engine', async () => {
    const heart = await startHeart();
    try {
      const beating = (word: string) =>
        `FROM ${busybox}\nRUN while :; do echo ${word} | nc -w 2 ${heart.address} 7000; done\n`;
      await start({ builder });
      const cancelled = give(beating('one'), newRepository('cancelled'));
      await heart.hears('one');
      cancelled.cancel = true;
      expect(await ended(cancelled)).toMatchObject({ outcome: 'cancelled' });
      await heart.isSilent();
      const late = give(beating('two'), newRepository('late'), {}, { timeoutSeconds: 3 });
      await heart.hears('two');
      expect(await ended(late)).toMatchObject({ outcome: 'failed', reason: { code: 'timeout' } });
      await heart.isSilent();
    } finally {
      await heart.stop();
    }
  }, 180_000);
});

test('what fails for a platform of another machine says how it can be built; a base image of another one is no way', async () => {
  const classic = await start({ builder: 'classic' });
  const base = give(`FROM ${busybox}\nCOPY Dockerfile /x\n`, newRepository('base'), { platforms: ['linux/s390x'] });
  const refused = await ended(base);
  expect(refused, base.log.toString()).toMatchObject({ outcome: 'failed', reason: { code: 'image-build' } });
  expect(refused.reason?.message).toContain('linux/s390x');
  classic.drain();
  await classic.finished;

  await start({ builder: 'buildkit' });
  const repository = newRepository('cross');
  const word = randomUUID();
  const cross = (end: string) =>
    [
      `FROM --platform=$BUILDPLATFORM ${busybox} AS make`,
      'ARG TARGETARCH',
      `RUN echo "for $TARGETARCH" > /made; cat /made; ${end} # ${word}`,
      'FROM scratch',
      'COPY --from=make /made /made',
    ].join('\n');
  const platforms = ['linux/amd64', 'linux/arm64'];
  const broken = await ended(give(cross('test "$TARGETARCH" != arm64'), repository, { platforms }));
  expect(broken).toMatchObject({ outcome: 'failed', reason: { code: 'image-build' }, exitCode: 1 });
  expect(broken.reason?.message).toContain('FROM --platform=$BUILDPLATFORM');
  const { log } = await passed(give(cross('true'), repository, { platforms }));
  expect(log).toMatch(/^#\d+ for amd64$/m);
  expect(log).toMatch(/^#\d+ for arm64$/m);
}, 120_000);

test('BuildKit builds what only it can, and keeps what a cache mount holds for one service and one trust', async () => {
  const word = randomUUID();
  const counting = (n: number) =>
    `FROM ${busybox}\nRUN --mount=type=cache,target=/${word} echo x >> /${word}/x; echo "seen $(wc -l < /${word}/x) ${n}"\n`;
  const repository = newRepository('mounts');
  await start({ builder: 'auto' });
  expect((await passed(give(counting(1), repository))).log).toContain('seen 1 1\n');
  expect((await passed(give(counting(2), repository))).log).toContain('seen 2 2\n');
  for (const run of [{ service: 'other' }, { team: 'others' }, { trust: 'untrusted' as const }])
    expect((await passed(give(counting(3), repository, {}, { run }))).log).toContain('seen 1 3\n');
  await forgetSteps(word);
}, 120_000);

test('lines of steps that run at the same time stay whole, and a secret that is printed in pieces is masked', async () => {
  const slowly = `printf let-me-; sleep 1; printf 'in-4711 in pieces\\n'; echo ${randomUUID()}`;
  const dockerfile = [
    `FROM ${busybox} AS one`,
    `RUN ${slowly}`,
    `FROM ${busybox} AS two`,
    `RUN for i in 1 2 3 4 5 6 7 8; do echo tick $i; sleep 0.2; done; echo ${randomUUID()}`,
    `FROM ${busybox}`,
    'COPY --from=one /etc /one',
    'COPY --from=two /etc /two',
  ].join('\n');
  const registries = [{ registry: locked.host, ...REGISTRY_LOGIN }];
  await start({ builder: 'buildkit' });
  const { log } = await passed(give(dockerfile, newRepository('pieces'), {}, { registries }));
  expect(log).toMatch(/^#\d+ ••• in pieces$/m);
  expect(log.match(/^#\d+ tick \d$/gm)).toHaveLength(8);
}, 120_000);

test('an engine that opens no session has the classic builder build, unless BuildKit was asked for', async () => {
  const without = await engineWithoutSessions();
  try {
    const dockerfile = `FROM ${busybox}\n`;
    const automatic = await start({ builder: 'auto', docker: without.docker });
    const { log } = await passed(give(dockerfile, newRepository('old-engine')));
    expect(log).toContain('the engine opens no session of BuildKit (page not found): the classic builder builds\n');
    automatic.drain();
    await automatic.finished;
    await start({ builder: 'buildkit', docker: without.docker });
    const result = await ended(give(dockerfile, newRepository('old-engine')));
    expect(result).toMatchObject({ outcome: 'errored', reason: { code: 'engine' } });
    expect(result.reason?.message).toContain('SLUICE_RUNNER_IMAGE_BUILDER=auto');
  } finally {
    await without.stop();
  }
}, 120_000);

test('the connection over which BuildKit asks us stays as long as the build', async () => {
  const open = new Set<Socket>();
  const heard: number[] = [];
  const to = await engineAddress();
  const passage = createPassage((client) => {
    const there = connect(to);
    open.add(there);
    there.on('data', () => heard.push(performance.now()));
    for (const [one, other] of [
      [client, there],
      [there, client],
    ] as const)
      one
        .on('error', () => undefined)
        .on('close', () => other.destroy())
        .pipe(other);
    there.on('close', () => open.delete(there));
  });
  await new Promise<void>((listening) => passage.listen(0, '127.0.0.1', listening));
  const docker = connectEngine({ dockerHost: `tcp://127.0.0.1:${(passage.address() as AddressInfo).port}` });
  try {
    const session = await openBuildkitSession(docker, [], new AbortController().signal);
    if ('none' in session) throw new Error(session.none);
    // BuildKit asks every second, and hangs up on one who does not answer.
    const heardFor = () => heard.at(-1)! - heard[0]!;
    await eventually(() => heardFor() > 2500 || undefined, { describe: 'its questions', timeoutMs: 20_000 });
    expect(open.size).toBe(1);
    session.close();
    await eventually(() => open.size === 0 || undefined, { describe: 'the end of the session' });
  } finally {
    passage.close();
  }
}, 60_000);

/** As the client of the engine has it. */
async function engineAddress(): Promise<{ socketPath: string; path: string } | { host: string; port: number }> {
  const modem = engine.docker.modem as unknown as {
    getSocketPath(): Promise<string> | undefined;
    host: string;
    port: number;
  };
  const socketPath = await modem.getSocketPath();
  return socketPath === undefined ? { host: modem.host, port: modem.port } : { socketPath, path: socketPath };
}

/** The engine behind something that lets no session through. */
async function engineWithoutSessions() {
  const to = await engineAddress();
  const proxy = createServer((asked, answer) => {
    const { method, url, headers } = asked;
    const passing = request({ ...to, method, path: url, headers });
    passing.on('response', (told) => told.pipe(answer.writeHead(told.statusCode ?? 500, told.headers)));
    passing.on('error', () => answer.destroy());
    asked.pipe(passing);
  });
  proxy.on('upgrade', (_, socket) => {
    const refusal = 'HTTP/1.1 404 Not Found\r\ncontent-length: 28\r\n\r\n{"message":"page not found"}';
    socket.end(refusal, () => socket.destroy());
  });
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
  return {
    docker: connectEngine({ dockerHost: `tcp://127.0.0.1:${(proxy.address() as AddressInfo).port}` }),
    stop: () =>
      new Promise<void>((stopped) => {
        proxy.close(() => stopped());
        proxy.closeAllConnections();
      }),
  };
}

/** A container that steps of builds can talk to. */
async function startHeart() {
  const script = 'while :; do nc -l -p 7000; done';
  const container = await engine.docker.createContainer({ Image: busybox, Entrypoint: ['sh', '-c', script], Cmd: [] });
  await container.start();
  const heard = async () => (await container.logs({ stdout: true })).toString();
  return {
    address: (await container.inspect()).NetworkSettings.Networks['bridge']!.IPAddress,
    hears: (word: string) =>
      eventually(async () => (await heard()).includes(word) || undefined, { describe: word, timeoutMs: 60_000 }),
    isSilent: () => {
      let before = '';
      const same = async () => {
        const [last, now] = [before, await heard()];
        before = now;
        return last === now || undefined;
      };
      return eventually(same, { describe: 'silence', timeoutMs: 30_000, everyMs: 2000 });
    },
    stop: () => container.remove({ force: true }),
  };
}

/** Of BuildKit, whose memory of a step outlives the image; no other step's. */
async function forgetSteps(word: string): Promise<void> {
  const { BuildCache } = (await engine.docker.df()) as { BuildCache: { ID: string; Description: string }[] | null };
  for (const { ID } of BuildCache?.filter(({ Description }) => Description.includes(word)) ?? []) {
    const options = { all: true, filters: { id: [ID] } };
    await new Promise<void>((done, refused) =>
      engine.docker.modem.dial(
        { path: '/build/prune?', method: 'POST', options, statusCodes: { 200: true } },
        (error: Error | null) => (error === null ? done() : refused(error)),
      ),
    );
  }
}

interface Manifest {
  readonly layers?: readonly { readonly digest: string }[];
  readonly config?: { readonly digest: string };
  readonly manifests?: readonly { readonly digest: string; readonly platform: Record<string, string> }[];
}

const LOGIN = `Basic ${Buffer.from(`${REGISTRY_LOGIN.username}:${REGISTRY_LOGIN.password}`).toString('base64')}`;

/** From the registry itself: the one with a token in front of it is the locked one. */
async function fromRegistry(repository: string, path: string): Promise<Response> {
  const [host, ...name] = repository.split('/');
  const origin = host === registry.host ? registry.url : locked.url;
  const types = ['manifest.v2', 'manifest.list.v2'].map((kind) => `application/vnd.docker.distribution.${kind}+json`);
  const headers = { authorization: LOGIN, accept: types.join(', ') };
  const answer = await fetch(`${origin}/v2/${name.join('/')}/${path}`, { headers });
  if (!answer.ok) throw new Error(`The registry answered ${answer.status} for ${path}`);
  return answer;
}

async function manifestOf(repository: string, reference: string): Promise<{ digest: string | null; body: Manifest }> {
  const answer = await fromRegistry(repository, `manifests/${reference}`);
  return { digest: answer.headers.get('docker-content-digest'), body: (await answer.json()) as Manifest };
}

async function blobOf(repository: string, digest: string): Promise<Record<string, string>> {
  return (await (await fromRegistry(repository, `blobs/${digest}`)).json()) as Record<string, string>;
}

async function layersOf(repository: string, digest: string): Promise<string[]> {
  return ((await manifestOf(repository, digest)).body.layers ?? []).map((layer) => layer.digest);
}

/** A registry that hands out tokens, as most do: in front of the locked one, whose credential gets the token. */
async function tokenRegistry({ port }: Registry) {
  const token = randomUUID();
  const server = createServer((asked, answer) => {
    const { method, url = '', headers } = asked;
    if (url.startsWith('/token')) {
      if (headers.authorization !== LOGIN) return answer.writeHead(401).end();
      return answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token }));
    }
    if (headers.authorization !== `Bearer ${token}`) {
      const challenge = `Bearer realm="http://${headers.host}/token",service="spec",scope="repository:team/x:pull,push"`;
      return answer.writeHead(401, { 'www-authenticate': challenge }).end('{}');
    }
    const passing = request({
      host: '127.0.0.1',
      port,
      method,
      path: url,
      headers: { ...headers, authorization: LOGIN },
    });
    passing.on('response', (told) => told.pipe(answer.writeHead(told.statusCode ?? 500, told.headers)));
    passing.on('error', () => answer.destroy());
    return asked.pipe(passing);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  hosts.add(host);
  return {
    host,
    stop: async () => {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}
