import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Docker from 'dockerode';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startDockerEngine, type DockerEngine } from './docker-engine.ts';
import { openEngineDoor, type EngineDoor } from './engine-door.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder('engine-door-spec');
let engine: DockerEngine;
let door: EngineDoor;
beforeAll(async () => {
  engine = await startDockerEngine({ stateDir: folder.path });
  door = await openEngineDoor(engine.address);
}, 120_000);
afterAll(async () => {
  await door?.stop();
  await engine?.stop();
  folder.remove();
});

const client = (pems: object) =>
  new Docker({ protocol: 'https', host: '127.0.0.1', port: Number(new URL(door.address).port), ...pems });
const pem = (name: string) => readFileSync(join(door.certPath, name));

it('leads to the engine with a certificate, and nowhere without one', async () => {
  await expect(client({ ca: pem('ca.pem') }).ping()).rejects.toThrow(/alert|certificate|ECONNRESET|socket hang up/);
  expect(door.letIn).toBe(0);
  const known = client({ ca: pem('ca.pem'), cert: pem('cert.pem'), key: pem('key.pem') });
  expect((await known.version()).Version).toBe(engine.version);
  expect(door.letIn).toBeGreaterThan(0);
});

it('is known by its authority', async () => {
  await expect(client({ cert: pem('cert.pem'), key: pem('key.pem') }).ping()).rejects.toThrow(/self-signed|verify/);
});
