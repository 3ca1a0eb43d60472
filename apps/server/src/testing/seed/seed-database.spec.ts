import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foldLane, foldRun } from '@sluice/engine';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { seedDatabase } from './seed-database.ts';

let database: TestDatabase;
let written: Awaited<ReturnType<typeof seedDatabase>>;
beforeAll(async () => {
  database = await testDatabase();
  written = await seedDatabase(database.url, { runs: 300, events: 6_000, services: 20 });
}, 60_000);
afterAll(() => database.close());

describe('a seeded database', () => {
  it('has as much as was asked for', () => {
    expect(written).toMatchObject({ runs: 300, services: 20, lanes: 40, deliveries: 300 });
    expect(written.run_events).toBeGreaterThan(4_000);
    expect(written.run_events).toBeLessThanOrEqual(6_000);
  });

  it('I34: the history of every run and lane folds to its stored state', async () => {
    const { db } = database;
    const runs = await db.selectFrom('runs').select(['id', 'state', 'version']).execute();
    for (const { id, state, version } of runs) {
      const events = await db
        .selectFrom('run_events')
        .select('event')
        .where('run_id', '=', id)
        .orderBy('sequence')
        .execute();
      expect(foldRun(events.map(({ event }) => event))).toEqual(state);
      expect(events).toHaveLength(version);
    }
    for (const { id, state } of await db.selectFrom('lanes').select(['id', 'state']).execute()) {
      const events = await db
        .selectFrom('lane_events')
        .select('event')
        .where('lane_id', '=', id)
        .orderBy('sequence')
        .execute();
      expect(foldLane(events.map(({ event }) => event))).toEqual(state);
    }
  });

  it('has rows that say the same as the states beside them', async () => {
    const { rows } = await sql<Record<string, boolean>>`
      select bool_and(runs.status = state ->> 'status' and number = (state ->> 'number')::int and finished_at = (state ->> 'finishedAt')::timestamptz
          and created_at = (state ->> 'createdAt')::timestamptz and release_id is not distinct from (state ->> 'releaseId')::uuid) as runs,
        bool_and((select count(*) from attempts where run_id = runs.id) = (
          select sum(jsonb_array_length(job.value -> 'attempts')) from jsonb_each(state -> 'jobs') job)) as attempts,
        bool_and(not exists (
          select from jsonb_array_elements(state -> 'lanes') mirror where mirror ->> 'deploymentId' is not null and not exists (
            select from deployments join environments on environments.id = environment_id
            where deployments.id = (mirror ->> 'deploymentId')::uuid and name = mirror ->> 'environment'
              and deployments.status = mirror ->> 'status'))) as lanes,
        (select bool_and(state #>> '{live,deploymentId}' = (
          select id::text from deployments where lane_id = lanes.id order by entered_at desc limit 1)) from lanes) as live
      from runs`.execute(database.db);
    expect(rows).toEqual([{ runs: true, attempts: true, lanes: true, live: true }]);
  });

  it('is not seeded twice', async () => {
    await expect(seedDatabase(database.url, { runs: 1, events: 1, services: 1 })).rejects.toThrow('seeded already');
  });
});
