import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyLinks } from '../audit/index.ts';
import { testApp } from '../../testing/test-app.ts';
import { LoadPipelines } from './load-pipelines.ts';
import { readPipelinesFolder } from './pipelines-folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-pipelines-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

const ENVIRONMENT = `environments:
  - team: platform
    name: production
    order: 20
    settings:
      gate: { approvals: 1 }
      target: { kind: docker, engine: "unix:///var/run/docker.sock" }
`;

describe('the pipelines folder of this repository', () => {
  const own = fileURLToPath(new URL('../../../../../pipelines', import.meta.url));

  it('has no problems, brings no teams, and defines Sluice in four stages', async () => {
    const read = await readPipelinesFolder(own, true);
    expect(read.problems).toEqual([]);
    expect(read.teams).toEqual([]);
    expect(read.environments).toEqual([]);
    const definition = read.definitions.get('sluice')?.definition;
    expect(Object.keys(definition?.commit?.jobs ?? {})).toEqual(['check', 'unit']);
    expect(definition?.build?.image.dockerfile).toBe('docker/server.Dockerfile');
    expect(definition?.test?.jobs['acceptance']?.services['app']?.image).toBe('built');
    expect(definition?.release.map(({ environment }) => environment)).toEqual(['staging', 'production']);
  });

  it('shows examples that are valid once the comment marks are gone', async () => {
    const { readFileSync } = await import('node:fs');
    for (const name of ['teams.yaml', 'environments.yaml']) {
      const lines = readFileSync(join(own, name), 'utf8').split('\n');
      const start = lines.findIndex((line) => /^# (teams|environments):$/.test(line));
      const example = lines
        .slice(start)
        .filter((line) => line.startsWith('#'))
        .map((line) => line.replace(/^# ?/, ''));
      write({ [name]: example.join('\n') });
    }
    const read = await readPipelinesFolder(folder, true);
    expect(read.problems).toEqual([]);
    expect(read.teams).toHaveLength(1);
    expect(read.environments.map(({ name }) => name)).toEqual(['staging', 'production']);
  });
});

describe('readPipelinesFolder', () => {
  it('takes a missing folder as empty, unless it was named', async () => {
    expect((await readPipelinesFolder(join(folder, 'none'), false)).problems).toEqual([]);
    expect((await readPipelinesFolder(join(folder, 'none'), true)).problems).toEqual([
      expect.stringMatching(/correct SLUICE_PIPELINES_DIR/),
    ]);
  });

  it('names file and line of every problem at once', async () => {
    write({
      'teams.yaml': 'teams:\n  - slug: ok\n    title: OK\n  - slug: Not Ok\n    title: X\n    colour: red\n',
      'environments.yaml': `${ENVIRONMENT}  - team: platform\n    name: x\n    settings:\n      target: { kind: docker, engine: docker.sock }\n`,
      'app/sluice.yaml': 'service: app\ncommit: { jobs: { a: { image: "-v", steps: [{ run: x }] } } }\n',
      'twice/sluice.yaml': 'service: sluice\ncommit: { jobs: { a: { image: node, steps: [{ run: x }] } } }\n',
      'twin/sluice.yaml': 'service: sluice\ncommit: { jobs: { a: { image: node, steps: [{ run: x }] } } }\n',
    });
    const { problems } = await readPipelinesFolder(folder, true);
    const places = problems.map((problem) => /^[^:]+:\d+/.exec(problem)?.[0]);
    expect(places).toEqual([
      'teams.yaml:4',
      'teams.yaml:4',
      'environments.yaml:11',
      'app/sluice.yaml:2',
      'twin/sluice.yaml:1',
    ]);
  });

  it.each([
    ['broken YAML', 'teams: [\n'],
    ['a duplicate key', 'teams: []\nteams: []\n'],
    [
      'a YAML bomb',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
        .split('')
        .map((key, index) => `${key}: &${key} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(',')}]`)
        .join('\n')}\n`,
    ],
    ['an unknown key', 'team: []\n'],
  ])('A34 refuses %s with a sentence', async (_what, text) => {
    write({ 'teams.yaml': text });
    expect((await readPipelinesFolder(folder, true)).problems[0]).toMatch(/^teams\.yaml:\d+: .+\.$/);
  });
});

describe('LoadPipelines', () => {
  it('brings teams, members and environments in, changes nothing the second time, and tells lanes of new settings', async () => {
    write({
      'teams.yaml':
        'teams:\n  - slug: platform\n    title: Platform\n    members: [{ email: ada@example.com, role: release-manager }]\n',
      'environments.yaml': ENVIRONMENT,
    });
    const server = await testApp({ SLUICE_PIPELINES_DIR: folder });
    try {
      const admin = await server.setUp();
      const load = server.app.get(LoadPipelines);
      const { db } = server.database;
      const count = async () =>
        Number(
          (
            await db
              .selectFrom('audit_entries')
              .select((select) => select.fn.countAll().as('n'))
              .executeTakeFirstOrThrow()
          ).n,
        );
      await load.load();
      const environments = await server.call('GET', '/api/v1/teams/platform/environments', { as: admin });
      expect(environments.body).toMatchObject([
        {
          name: 'production',
          order: 20,
          settings: { gate: { approvals: 1, noSelfApproval: true, roles: ['release-manager', 'admin'] } },
        },
      ]);
      const entries = await count();
      await Promise.all([load.load(), load.load()]);
      expect(await count()).toBe(entries);
      const { settings_hash: before } = await db
        .selectFrom('environments')
        .select('settings_hash')
        .executeTakeFirstOrThrow();
      write({ 'environments.yaml': ENVIRONMENT.replace('approvals: 1', 'approvals: 2') });
      await load.load();
      const { settings_hash: after } = await db
        .selectFrom('environments')
        .select('settings_hash')
        .executeTakeFirstOrThrow();
      expect(after).not.toBe(before);
      expect(await count()).toBe(entries + 1);
      write({ 'environments.yaml': ENVIRONMENT.replace('team: platform', 'team: nobody') });
      await expect(load.load()).rejects.toThrow(/names the team nobody, which does not exist/);
      expect(await verifyLinks(db)).toMatchObject({ kind: 'intact' });
    } finally {
      await server.close();
    }
  });

  it('I27 brings limits of running jobs in, and leaves alone what it does not name', async () => {
    const teams = (limits: string) => ({
      'teams.yaml': `teams: [{ slug: platform, title: Platform, limits: ${limits} }]`,
    });
    const server = await testApp({ SLUICE_PIPELINES_DIR: folder });
    try {
      const load = server.app.get(LoadPipelines);
      const { db } = server.database;
      const limit = async () =>
        (await db.selectFrom('teams').select('max_running').executeTakeFirstOrThrow()).max_running;
      const audited = async () =>
        (await db.selectFrom('audit_entries').select('detail').where('action', '=', 'limit.set').execute()).length;
      write(teams('{ runningJobs: 8, services: { later: 2 } }'));
      await load.load();
      await load.load();
      expect([await limit(), await audited()]).toEqual([8, 1]);
      write(teams('{}'));
      await load.load();
      expect([await limit(), await audited()]).toEqual([8, 1]);
      write(teams('{ runningJobs: null }'));
      await load.load();
      expect([await limit(), await audited()]).toEqual([null, 2]);
      write(teams('{ runningJobs: 0 }'));
      await expect(load.load()).rejects.toThrow(/teams\.yaml:1: teams\.0\.limits\.runningJobs/);
    } finally {
      await server.close();
    }
  });

  it('starts an empty installation with nothing', async () => {
    const server = await testApp({ SLUICE_PIPELINES_DIR: folder });
    try {
      await server.app.get(LoadPipelines).load();
      expect(await server.database.db.selectFrom('teams').selectAll().execute()).toEqual([]);
    } finally {
      await server.close();
    }
  });
});
