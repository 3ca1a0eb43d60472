import { Logger } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort } from '@sluice/testing';
import { testDatabase, type TestDatabase } from '../../../platform/db/testing/test-database.ts';
import { armFailpoints, FailpointError } from '../../../platform/failpoints/failpoints.ts';
import { DEPLOYMENT_FAILPOINTS } from '../deployment-failpoints.ts';
import { DeploymentBench, type TestLane } from '../testing/deployment-bench.ts';
import { FaultyDoor, sshDoor, tlsDoor } from '../testing/engine-doors.ts';
import { sampleImages, type SampleImages, type SampleName } from '../testing/sample-images.ts';

const QUICK = { claimMs: 400, renewMs: 100 };

describe('the docker target on a real engine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-docker-target-'));
  const service = `catalog-${process.pid}`;
  let database: TestDatabase;
  let images: SampleImages;
  let bench: DeploymentBench;
  let lane: TestLane;
  let settings: object;
  let port: number;
  const networks = new Set<string>();

  beforeAll(async () => {
    Logger.overrideLogger(false);
    [database, images] = await Promise.all([testDatabase(), sampleImages(folder)]);
    bench = new DeploymentBench(database);
    bench.secrets.values.set('TOKEN', 'hunter2-secret');
    port = await freePort();
    settings = {
      kind: 'docker',
      engine: images.engine.address,
      network: network(`sluice-${process.pid}`),
      port: { container: 8080, host: { [service]: `127.0.0.1:${port}` } },
      healthPath: '/healthz',
      healthTimeoutSeconds: 3,
      env: { GREETING: 'hello' },
      secrets: ['TOKEN'],
    };
    lane = await bench.lane(service, settings);
  }, 180_000);
  afterEach(() => armFailpoints(undefined, undefined));
  afterAll(async () => {
    for (const { Id } of await containers()) await images.engine.docker.getContainer(Id).remove({ force: true });
    for (const name of networks)
      await images.engine.docker
        .getNetwork(name)
        .remove()
        .catch(() => undefined);
    await images.stop();
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  function network(name: string): string {
    networks.add(name);
    return name;
  }

  const containers = () =>
    images.engine.docker.listContainers({ all: true, filters: { label: [`sluice.service=${service}`] } });
  /** An old container that was started again needs a moment before it listens. */
  const answer = () =>
    eventually(async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).text(), { describe: 'an answer' });
  const deploy = (sample: SampleName) => bench.deploy(lane, images.repository, images.digests[sample]);

  /** Ids of deployments by their container, and whether it runs. */
  async function standing(): Promise<string[]> {
    return (await containers()).map(({ Labels, State }) => `${Labels['sluice.deployment']} ${State}`);
  }

  async function forgetImage(sample: SampleName): Promise<void> {
    const image = images.engine.docker.getImage(`${images.repository}@${images.digests[sample]}`);
    await image
      .remove({ force: true })
      .catch((error: { statusCode?: number }) => (error.statusCode === 404 ? undefined : Promise.reject(error)));
  }

  it('releases for the first time: pulled by digest, labelled, restricted, healthy', async () => {
    const id = await deploy('first');
    const row = await bench.drive(id);
    expect(row).toMatchObject({ status: 'passed', reason: null, holder: null });
    expect(await answer()).toBe('first');
    expect(await standing()).toEqual([`${id} running`]);
    const [listed] = await containers();
    const found = await images.engine.docker.getContainer(listed!.Id).inspect();
    const digest = images.digests.first;
    expect(found.Name).toBe(`/sluice-${service}-staging-${id.slice(-8)}`);
    expect(found.Config.Labels).toMatchObject({
      'sluice.service': service,
      'sluice.environment': 'staging',
      'sluice.digest': digest,
    });
    expect(found.Config.Labels['sluice.commit']).toMatch(/^a+1$/);
    expect(found.Config.Env).toEqual(
      expect.arrayContaining([
        'GREETING=hello',
        'TOKEN=hunter2-secret',
        `SLUICE_DIGEST=${digest}`,
        `SLUICE_SERVICE=${service}`,
      ]),
    );
    expect(found.HostConfig).toMatchObject({
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      RestartPolicy: { Name: 'unless-stopped' },
      Memory: 1024 ** 3,
    });
    const { RepoDigests } = await images.engine.docker.getImage(found.Image).inspect();
    expect(RepoDigests).toContain(`${images.repository}@${digest}`);
    const said = row.target_events.map(({ text }) => text);
    expect(said[0]).toContain(`${images.repository}@${digest}`);
    expect(said).toEqual(
      expect.arrayContaining([
        `Pulling ${images.repository}@${digest}.`,
        'Creating the new container.',
        'The new container is healthy and serves.',
      ]),
    );
    expect(JSON.stringify(row)).not.toContain('hunter2');
  });

  it('replaces what runs and removes it once the new one is healthy', async () => {
    const id = await deploy('second');
    expect(await bench.drive(id)).toMatchObject({ status: 'passed' });
    expect(await answer()).toBe('second');
    expect(await standing()).toEqual([`${id} running`]);
  });

  it.each(['sick', 'exits'] as const)(
    'goes back to the previous container when the new one is %s, and quotes its log masked',
    async (sample) => {
      const before = await standing();
      const id = await deploy(sample);
      const row = await bench.drive(id);
      expect(row.status).toBe('rolled-back');
      expect(row.reason?.message).toMatch(
        sample === 'sick'
          ? /not healthy within 3 s: GET \/healthz answered 404/
          : /ended (with exit code 3|by itself) before it was healthy/,
      );
      expect(row.reason?.message).toContain('runs again.\nLast lines of its log:\nthe token is •••');
      expect(JSON.stringify(row)).not.toContain('hunter2');
      expect(await standing()).toEqual(before);
      expect(await answer()).toBe('second');
    },
  );

  it('I15 a digest that the registry does not have is errored, and what runs is not touched', async () => {
    const before = await standing();
    const row = await bench.drive(await bench.deploy(lane, images.repository, `sha256:${'0'.repeat(64)}`));
    expect(row).toMatchObject({ status: 'errored', reason: { code: 'image-not-pulled' } });
    expect(row.reason?.message).toContain('What ran before was not touched.');
    expect(await standing()).toEqual(before);
  });

  it('a secret without a value is errored before anything is called, and names the remedy', async () => {
    await bench.retarget(lane, { ...settings, secrets: ['TOKEN', 'MISSING_ONE'] });
    const row = await bench.drive(await deploy('first'));
    await bench.retarget(lane, settings);
    expect(row).toMatchObject({ status: 'errored', reason: { code: 'target-unusable' } });
    expect(row.reason?.message).toContain('MISSING_ONE');
  });

  it('a host port that is taken: the old container serves again', async () => {
    const blocked = await import('node:net').then(({ createServer }) => createServer().listen(0, '127.0.0.1'));
    await eventually(() => blocked.listening);
    const { port: taken } = blocked.address() as { port: number };
    await bench.retarget(lane, { ...settings, port: { container: 8080, host: { [service]: `127.0.0.1:${taken}` } } });
    const row = await bench.drive(await deploy('first'));
    await bench.retarget(lane, settings);
    blocked.close();
    expect(row).toMatchObject({ status: 'rolled-back', reason: { code: 'not-started' } });
    expect(await answer()).toBe('second');
  });

  it('asks in the network of the target when no host port is mapped', async () => {
    const name = `${service}-inner`;
    const inner = await bench.lane(name, { ...settings, port: { container: 8080, host: {} }, secrets: [] });
    const drive = async (sample: SampleName) =>
      bench.drive(await bench.deploy(inner, images.repository, images.digests[sample]));
    try {
      expect(await drive('first')).toMatchObject({ status: 'passed' });
      expect(await drive('sick')).toMatchObject({ status: 'rolled-back', reason: { code: 'not-healthy' } });
    } finally {
      await removeAll(name);
    }
  });

  it.each(['ssh', 'tls'] as const)(
    'reaches an engine by %s with the credential of the environment, and asks inside the container',
    { timeout: 60_000 },
    async (kind) => {
      const socket = images.engine.address.replace('unix://', '');
      const door = kind === 'ssh' ? await sshDoor(socket) : await tlsDoor(socket, folder);
      bench.secrets.values.set('ENGINE', door.credential);
      const name = `${service}-${kind}`;
      const far = await bench.lane(name, {
        ...settings,
        engine: door.address,
        credential: 'ENGINE',
        port: { container: 8080, host: {} },
        healthTimeoutSeconds: 30,
      });
      const drive = async (sample: SampleName) =>
        bench.drive(await bench.deploy(far, images.repository, images.digests[sample]));
      try {
        expect(await drive('snake')).toMatchObject({ status: 'passed' });
        const [running] = await images.engine.docker.listContainers({ filters: { label: [`sluice.service=${name}`] } });
        const { Config } = await images.engine.docker.getContainer(running!.Id).inspect();
        expect(Config.Env.some((entry) => entry.startsWith('ENGINE='))).toBe(false);
        expect(await drive('exits')).toMatchObject({ status: 'rolled-back' });
      } finally {
        door.close();
        await removeAll(name);
      }
    },
  );

  it('an ssh host with another key than the pinned one is never spoken to', async () => {
    const door = await sshDoor(images.engine.address.replace('unix://', ''));
    const other = await sshDoor('/nowhere');
    const pinned = other.credential.split('127.0.0.1 ').at(-1)!;
    bench.secrets.values.set('ENGINE', door.credential.replace(/127\.0\.0\.1 .*\n/, `127.0.0.1 ${pinned}`));
    const far = await bench.lane(`${service}-pin`, { ...settings, engine: door.address, credential: 'ENGINE' });
    const id = await bench.deploy(far, images.repository, images.digests.first);
    const one = bench.replica({ silenceLimitMs: 1 });
    one.drives.start(id);
    await eventually(async () => (await bench.row(id)).status === 'unknown');
    await one.drives.stop();
    door.close();
    other.close();
    expect((await bench.row(id)).reason?.message).toMatch(/Host denied|verification failed/i);
  });

  it(
    'F11 F64 the engine goes away in the middle and comes back: unknown meanwhile, then healthy, one container',
    { timeout: 60_000 },
    async () => {
      const door = new FaultyDoor(images.engine.address.replace('unix://', ''), join(folder, 'engine.sock'));
      await door.open();
      await bench.retarget(lane, { ...settings, engine: `unix://${door.path}`, healthTimeoutSeconds: 20 });
      const sample = (await answer()) === 'first' ? 'second' : 'first';
      const id = await deploy(sample);
      armFailpoints('docker:after-stop-old=throw', 'test');
      await expect(bench.replica(QUICK).drive.drive(id, new AbortController().signal)).rejects.toThrow(FailpointError);
      armFailpoints(undefined, undefined);
      door.shut();
      const one = bench.replica({ ...QUICK, silenceLimitMs: 200 });
      await eventually(async () => {
        await one.resume.sweep();
        return (await bench.row(id)).status === 'unknown';
      });
      await door.open();
      await eventually(async () => (await bench.row(id)).status === 'passed', { timeoutMs: 30_000 });
      await bench.retarget(lane, settings);
      door.shut();
      expect(await standing()).toEqual([`${id} running`]);
      expect(await answer()).toBe(sample);
    },
  );

  async function removeAll(name: string): Promise<void> {
    const left = await images.engine.docker.listContainers({
      all: true,
      filters: { label: [`sluice.service=${name}`] },
    });
    for (const { Id } of left) await images.engine.docker.getContainer(Id).remove({ force: true });
  }

  it('starts in the network it was made for, whoever takes its name a second time meanwhile', async () => {
    const [name, { docker }] = [network(`sluice-${process.pid}-doubled`), images.engine];
    await bench.retarget(lane, { ...settings, network: name });
    const id = await deploy('second');
    armFailpoints('docker:before-start=throw', 'test');
    await expect(bench.replica(QUICK).drive.drive(id, new AbortController().signal)).rejects.toThrow(FailpointError);
    armFailpoints(undefined, undefined);
    const double = await docker.createNetwork({ Name: name });
    try {
      await eventually(
        async () => {
          await bench.replica(QUICK).resume.sweep();
          return (await bench.row(id)).finished_at !== null;
        },
        { timeoutMs: 25_000, describe: 'the end of the deployment' },
      );
      expect(await bench.row(id)).toMatchObject({ status: 'passed', reason: null });
    } finally {
      await double.remove();
    }
  });

  describe('F09 F10 F12 I18: a driver dies and another one goes on', () => {
    const forUnhealthy = [
      'docker:before-remove-new',
      'docker:after-remove-new',
      'docker:before-start-old',
      'docker:after-start-old',
    ];
    const forHealthy = DEPLOYMENT_FAILPOINTS.filter(
      (name) => !forUnhealthy.includes(name) && !name.endsWith('unknown'),
    );
    let turn = 0;

    async function dieAndResume(failpoint: string, sample: SampleName) {
      // Every failpoint must be passed: the image is not there yet, and neither is the network.
      if (failpoint.endsWith('-pull')) await forgetImage(sample);
      if (failpoint.endsWith('-network'))
        await bench.retarget(lane, { ...settings, network: network(`sluice-${process.pid}-${(turn += 1)}`) });
      const id = await deploy(sample);
      using journal = await creations(id);
      armFailpoints(`${failpoint}=throw`, 'test');
      await expect(bench.replica(QUICK).drive.drive(id, new AbortController().signal)).rejects.toThrow(FailpointError);
      armFailpoints(undefined, undefined);
      const second = bench.replica(QUICK);
      const row = await eventually(
        async () => {
          await second.resume.sweep();
          const found = await bench.row(id);
          return found.finished_at === null ? undefined : found;
        },
        { timeoutMs: 25_000, describe: `the end of the deployment after ${failpoint}` },
      );
      await eventually(() => second.drives.size === 0);
      return { id, row, creates: journal.seen.length };
    }

    /** Containers made for a deployment, from the engine's own journal as it happens. */
    async function creations(id: string) {
      const stream = await images.engine.docker.getEvents({
        filters: { type: ['container'], event: ['create'], label: [`sluice.deployment=${id}`] },
      });
      const seen: string[] = [];
      stream.on('data', (chunk: Buffer) =>
        seen.push(
          ...chunk
            .toString()
            .split('\n')
            .filter((line) => line.trim() !== ''),
        ),
      );
      return {
        seen,
        [Symbol.dispose]: () => (stream as unknown as { destroy(): void }).destroy(),
      };
    }

    it.each(forHealthy)('at %s', { timeout: 40_000 }, async (failpoint) => {
      const sample = (await answer()) === 'first' ? 'second' : 'first';
      const { id, row, creates } = await dieAndResume(failpoint, sample);
      expect(row.status).toBe('passed');
      expect(await standing()).toEqual([`${id} running`]);
      expect(await answer()).toBe(sample);
      expect(creates).toBe(1);
    });

    it.each(forUnhealthy)('at %s', { timeout: 40_000 }, async (failpoint) => {
      const before = await standing();
      const { row, creates } = await dieAndResume(failpoint, 'exits');
      expect(row.status).toBe('rolled-back');
      expect(await standing()).toEqual(before);
      expect(creates).toBe(1);
    });
  });
});
