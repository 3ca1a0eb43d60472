import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import type { TestTeam } from '../../testing/pipeline-rows.ts';
import { RUNS_ALWAYS_KEPT } from './kept-runs.ts';
import { LIMITS, RetentionWorld } from './testing/retention-world.ts';

let database: TestDatabase;
let world: RetentionWorld;
let team: TestTeam;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  world = new RetentionWorld(database);
  team = await world.rows.team();
});

const BLOB = { length: 1, sha256: '0'.repeat(64) };
const daysAgo = (days: number) => sql<Date>`now() - ${days} * interval '1 day'`;

async function artifact(runId: string, status: 'coming' | 'kept', days: number): Promise<string> {
  const id = world.rows.ids.next();
  const blob_key = `artifacts/${id}`;
  await world.blobs.put(blob_key, Buffer.from('x'));
  await database.db
    .insertInto('artifacts')
    .values({
      id,
      team_id: team.teamId,
      service_id: team.serviceId,
      run_id: runId,
      attempt_id: world.rows.ids.next(),
      job_key: 'commit/a',
      name: 'dist',
      files: 1,
      status,
      blob_key,
      created_at: daysAgo(days),
      ...BLOB,
    })
    .execute();
  return id;
}

async function cache(status: 'coming' | 'kept' | 'going', days: number, expiresInDays: number): Promise<string> {
  const id = world.rows.ids.next();
  const blob_key = `caches/${id}`;
  await world.blobs.put(blob_key, Buffer.from('x'));
  await database.db
    .insertInto('caches')
    .values({
      id,
      team_id: team.teamId,
      service_id: team.serviceId,
      scope: 'trusted:refs/heads/main',
      key: id,
      paths: '[]',
      attempt_id: world.rows.ids.next(),
      status,
      blob_key,
      created_at: daysAgo(days),
      expires_at: daysAgo(-expiresInDays),
      ...BLOB,
    })
    .execute();
  return id;
}

describe('artifacts and caches', () => {
  it('artifacts go with their run, objects included, and stay as long as it does', async () => {
    const old = await world.endedRun(team, LIMITS.runDays + 1);
    const young = await world.endedRun(team, LIMITS.runDays - 1);
    await world.runsSince(team, RUNS_ALWAYS_KEPT);
    const [gone, stays] = [await artifact(old, 'kept', 101), await artifact(young, 'kept', 99)];
    expect(await world.sweep()).toMatchObject({ removed: { runs: 1, files: 0, objects: 1 }, problems: [] });
    expect(await world.exists('artifacts', gone)).toBe(false);
    expect(await world.exists('artifacts', stays)).toBe(true);
    expect([...world.blobs.stored.keys()]).toEqual([`artifacts/${stays}`]);
  });

  it('caches go when they are not given out any more, and uploads that nobody ended after some days', async () => {
    const run = await world.endedRun(team, 1);
    const gone = [
      `caches/${await cache('kept', 20, -1)}`,
      `caches/${await cache('coming', 4, 10)}`,
      `caches/${await cache('going', 4, 10)}`,
      `artifacts/${await artifact(run, 'coming', 4)}`,
    ];
    const stays = [
      `caches/${await cache('kept', 20, 1)}`,
      `caches/${await cache('coming', 1, 10)}`,
      `artifacts/${await artifact(run, 'coming', 1)}`,
      `artifacts/${await artifact(run, 'kept', 50)}`,
    ];
    expect(await world.sweep()).toMatchObject({ removed: { files: gone.length, objects: gone.length }, problems: [] });
    expect([...world.blobs.stored.keys()].toSorted()).toEqual(stays.toSorted());
  });
});
