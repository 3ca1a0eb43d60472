import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { randomBytes, randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testApp, type TestApp, type TestPerson } from '../../testing/test-app.ts';
import { JobSecrets } from '../dispatch/index.ts';
import { CheckMasterKey } from './check-master-key.ts';
import { loadMasterKey } from '../../platform/config/load-master-key.ts';
import { ReadSecrets } from './read-secrets.ts';
import { Sealer, UnsealError } from './sealer.ts';

describe('Sealer', () => {
  const sealer = new Sealer(randomBytes(32));

  it('gives another text each time and opens it in its place alone', () => {
    const [one, two] = [sealer.seal('hunter2', 'secret:1'), sealer.seal('hunter2', 'secret:1')];
    expect(one).not.toBe(two);
    expect(one).not.toContain('hunter2');
    expect(sealer.open(one, 'secret:1')).toBe('hunter2');
    expect(() => sealer.open(one, 'secret:2')).toThrow(UnsealError);
  });

  it('keeps empty, long and non-Latin texts', () => {
    for (const text of ['', 'ü→🚀', 'x'.repeat(65_536)]) expect(sealer.open(sealer.seal(text, 'p'), 'p')).toBe(text);
  });

  it('opens nothing that was changed, cut or sealed by another key', () => {
    const sealed = sealer.seal('hunter2', 'p');
    const parts = sealed.split('.');
    for (const [index, part] of parts.entries()) {
      const changed = parts.with(index, (part.startsWith('A') ? 'B' : 'A') + part.slice(1)).join('.');
      expect(() => sealer.open(changed, 'p')).toThrow(UnsealError);
    }
    expect(() => sealer.open(sealed.slice(0, -4), 'p')).toThrow(UnsealError);
    expect(() => sealer.open('', 'p')).toThrow(UnsealError);
    expect(() => new Sealer(randomBytes(32)).open(sealed, 'p')).toThrow(/needs the master key .* the server has/);
  });
});

describe('the master key file', () => {
  it('is made once, for the server alone, and never made anew where it is missing in distributed mode', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-key-'));
    try {
      const path = join(folder, 'below', 'master.key');
      const key = loadMasterKey({ kind: 'file', path, generate: true });
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(readFileSync(path, 'utf8').trim()).toBe(key.toString('hex'));
      expect(loadMasterKey({ kind: 'file', path, generate: true })).toEqual(key);
      expect(() => loadMasterKey({ kind: 'file', path: join(folder, 'none'), generate: false })).toThrow(
        /does not exist; put 64 hex digits there/,
      );
      writeFileSync(path, 'short', { mode: 0o600 });
      expect(() => loadMasterKey({ kind: 'file', path, generate: true })).toThrow(/32 bytes/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('secrets', () => {
  let server: TestApp;
  let admin: TestPerson;
  let developer: TestPerson;
  const teamId = async () =>
    (await server.database.db.selectFrom('teams').select('id').where('slug', '=', 'shop').executeTakeFirstOrThrow()).id;
  const service = { id: randomUUID(), other: randomUUID() };
  const environment = randomUUID();
  const put = (as: TestPerson, name: string, body: object) =>
    server.call('PUT', `/api/v1/teams/shop/secrets/${name}`, { as, body });

  beforeAll(async () => {
    server = await testApp();
    admin = await server.setUp();
    await server.call('POST', '/api/v1/teams', { as: admin, body: { slug: 'shop', title: 'Shop' } });
    developer = await server.person(admin, 'dev@example.com', [{ team: 'shop', role: 'developer' }]);
    const { db } = server.database;
    const team_id = await teamId();
    const repository_id = randomUUID();
    await db
      .insertInto('repositories')
      .values({ id: repository_id, team_id, url: 'https://host/x', kind: 'git', default_branch: 'main' })
      .execute();
    await db
      .insertInto('services')
      .values([
        { id: service.id, team_id, slug: 'catalog', repository_id },
        { id: service.other, team_id, slug: 'account', repository_id },
      ])
      .execute();
    await db
      .insertInto('environments')
      .values({ id: environment, team_id, name: 'production', settings: '{}', settings_hash: 'x' })
      .execute();
  });
  afterAll(() => server.close());

  it('can be set, replaced, listed by name and deleted, but never read', async () => {
    expect(await put(developer, 'NPM_TOKEN', { value: 'team-wide-value' })).toMatchObject({
      status: 200,
      body: { name: 'NPM_TOKEN', service: null, updatedBy: 'dev', lastUsedAt: null },
    });
    expect((await put(developer, 'NPM_TOKEN', { value: 'team-wide-value-2' })).status).toBe(200);
    expect((await put(developer, 'lower', { value: 'x' })).status).toBe(400);
    expect((await put(developer, 'DB_URL', { value: 'x', environment: 'production' })).status).toBe(403);
    expect((await put(developer, 'DB_URL', { value: 'x', service: 'nothing' })).status).toBe(404);
    const listed = await server.call('GET', '/api/v1/teams/shop/secrets', { as: developer });
    expect(listed.body.map(({ name }: { name: string }) => name)).toEqual(['NPM_TOKEN']);
    const { db } = server.database;
    const everything = JSON.stringify([
      await db.selectFrom('secrets').selectAll().execute(),
      await db.selectFrom('audit_entries').selectAll().execute(),
      listed.body,
    ]);
    expect(everything).not.toContain('team-wide-value');
    await put(developer, 'OLD', { value: 'x' });
    expect((await server.call('DELETE', '/api/v1/teams/shop/secrets/OLD', { as: developer })).status).toBe(200);
    expect((await server.call('DELETE', '/api/v1/teams/shop/secrets/OLD', { as: developer })).status).toBe(404);
  });

  it('are chosen by the most specific scope, and jobs never see those of an environment', async () => {
    await put(admin, 'KEY', { value: 'team' });
    await put(admin, 'KEY', { value: 'service', service: 'catalog' });
    await put(admin, 'KEY', { value: 'environment', environment: 'production' });
    const read = async (serviceId: string, environmentId: string | null) =>
      (await server.app.get(ReadSecrets).read({ teamId: await teamId(), serviceId, environmentId, names: ['KEY'] }))
        .values[0]?.value;
    expect(await read(service.id, null)).toBe('service');
    expect(await read(service.other, null)).toBe('team');
    expect(await read(service.id, environment)).toBe('environment');
    await put(admin, 'KEY', { value: 'both', service: 'catalog', environment: 'production' });
    expect(await read(service.id, environment)).toBe('both');
    expect(await read(service.other, environment)).toBe('environment');
    expect(
      await server.app
        .get(ReadSecrets)
        .read({ teamId: randomUUID(), serviceId: service.id, environmentId: null, names: ['KEY'] }),
    ).toEqual({ values: [], missing: ['KEY'] });
  });

  it('A45 never reach an untrusted run; only declared ones reach a trusted one', async () => {
    const jobs = server.app.get(JobSecrets);
    const job = { teamId: await teamId(), serviceId: service.id, names: ['NPM_TOKEN', 'MISSING'] };
    expect(await jobs.forJob({ ...job, trusted: false })).toEqual([]);
    expect(await jobs.forJob({ ...job, trusted: true })).toEqual([{ name: 'NPM_TOKEN', value: 'team-wide-value-2' }]);
    const used = await server.call('GET', '/api/v1/teams/shop/secrets', { as: developer });
    expect(used.body.find(({ name }: { name: string }) => name === 'NPM_TOKEN').lastUsedAt).not.toBeNull();
  });

  it('refuse to start with a key that is not theirs', async () => {
    const check = new CheckMasterKey(server.database.db, new Sealer(randomBytes(32)));
    await expect(check.onModuleInit()).rejects.toThrow(/belongs to the master key .* restore the old key/);
  });
});
