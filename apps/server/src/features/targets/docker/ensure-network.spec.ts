import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDockerEngine, type DockerEngine } from '@sluice/testing';
import { ensureNetwork, networksNamed } from './ensure-network.ts';

describe('ensureNetwork on a real engine', () => {
  const name = `sluice-spec-network-${process.pid}`;
  let engine: DockerEngine;
  beforeAll(async () => {
    engine = await startDockerEngine({ stateDir: join(tmpdir(), 'sluice-spec-engine') });
  });
  afterAll(async () => {
    for (const { Id } of await networksNamed(engine.docker, name)) await engine.docker.getNetwork(Id).remove();
    await engine.stop();
  });

  it('leaves exactly one network however many deployments ask for it at once', async () => {
    await Promise.all(Array.from({ length: 6 }, () => ensureNetwork(engine.docker, name)));
    expect(await networksNamed(engine.docker, name)).toHaveLength(1);
  });

  it('repairs a doubled name: the oldest stays', async () => {
    const [oldest] = await networksNamed(engine.docker, name);
    await engine.docker.createNetwork({ Name: name });
    expect(await networksNamed(engine.docker, name)).toHaveLength(2);
    await ensureNetwork(engine.docker, name);
    expect((await networksNamed(engine.docker, name)).map(({ Id }) => Id)).toEqual([oldest?.Id]);
  });
});
