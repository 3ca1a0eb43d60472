import { Logger } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { armFailpoints } from '../../platform/failpoints/failpoints.ts';
import type { TestTeam } from '../../testing/pipeline-rows.ts';
import { LIMITS, RetentionWorld } from './testing/retention-world.ts';

let database: TestDatabase;
let world: RetentionWorld;
let team: TestTeam;
let runId: string;
beforeAll(async () => {
  // What goes wrong here is planted.
  Logger.overrideLogger(false);
  database = await testDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  world = new RetentionWorld(database);
  team = await world.rows.team();
  runId = await world.endedRun(team, LIMITS.logDays + 1);
});
afterEach(() => armFailpoints(undefined, undefined));

const left = async (attemptId: string) => {
  const { db } = database;
  const [segments, chunks] = await Promise.all(
    (['log_segments', 'log_chunks'] as const).map((table) =>
      db.selectFrom(table).select('start_offset').where('attempt_id', '=', attemptId).execute(),
    ),
  );
  const puts = await db
    .selectFrom('log_puts')
    .select('blob_key')
    .where('blob_key', 'like', `logs/${attemptId}/%`)
    .execute();
  return { segments: segments!.length, chunks: chunks!.length, puts: puts.length, objects: world.blobs.stored.size };
};

describe('old logs', () => {
  it('go, and the attempt says when and after how long; younger ones stay', async () => {
    const old = await world.endedAttempt(team, runId, LIMITS.logDays + 1);
    const young = await world.endedAttempt(team, runId, LIMITS.logDays - 1);
    expect(await world.sweep()).toMatchObject({ removed: { logs: 1, objects: 1 }, problems: [] });
    expect(await left(old.id)).toEqual({ segments: 0, chunks: 0, puts: 0, objects: 1 });
    expect(await left(young.id)).toMatchObject({ segments: 1, chunks: 1 });
    expect(await world.rows.attempt(old.id)).toMatchObject({
      log_removed_at: expect.any(Date),
      log_kept_days: LIMITS.logDays,
      log_length: 6,
      log_sha256: 'f'.repeat(64),
    });
  });

  // What each failpoint leaves behind is what a crash there leaves behind: every object has a row that names it.
  it.each(['remove-logs:before-commit', 'remove-logs:after-commit', 'remove-orphan:after-remove'])(
    'are gone in full with the next sweep after a crash at %s',
    async (failpoint) => {
      const old = await world.endedAttempt(team, runId, LIMITS.logDays + 1);
      armFailpoints(`${failpoint}=throw`, undefined);
      expect((await world.sweep()).problems).toHaveLength(1);
      const between = await left(old.id);
      expect(between.segments + between.puts).toBeGreaterThanOrEqual(between.objects);
      armFailpoints(undefined, undefined);
      expect((await world.sweep()).problems).toEqual([]);
      expect(await left(old.id)).toEqual({ segments: 0, chunks: 0, puts: 0, objects: 0 });
    },
  );

  it('more than one batch of them go in one sweep, also from behind those that stay', async () => {
    const unfinished = await world.rows.run(team, 'commit: nothing\n');
    await database.db.updateTable('runs').set({ finished_at: null }).where('id', '=', unfinished).execute();
    for (let at = 0; at < 210; at += 1) await world.endedAttempt(team, unfinished, LIMITS.logDays + 20);
    const old = await world.endedAttempt(team, runId, LIMITS.logDays + 1);
    expect(await world.sweep()).toMatchObject({ removed: { logs: 1 }, more: false });
    expect((await world.rows.attempt(old.id)).log_removed_at).not.toBeNull();
  });
});
