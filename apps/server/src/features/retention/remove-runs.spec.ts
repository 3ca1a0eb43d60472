import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { json } from '../../platform/db/database.ts';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import type { TestTeam } from '../../testing/pipeline-rows.ts';
import { RELEASES_TO_GO_BACK_TO, RUNS_ALWAYS_KEPT } from './kept-runs.ts';
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

const count = async (table: string, column: string, id: string) => {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from ${sql.table(table)} where ${sql.ref(column)} = ${id}`.execute(database.db);
  return rows[0]!.count;
};

describe('old runs', () => {
  it('go with everything that belongs to them, objects of their logs included', async () => {
    const old = await world.endedRun(team, LIMITS.runDays + 1);
    const young = await world.endedRun(team, LIMITS.runDays - 1);
    await world.runsSince(team, RUNS_ALWAYS_KEPT);
    const attempt = await world.endedAttempt(team, old, 1);
    const lane = await world.environment(team);
    const { deploymentId } = await world.deployment(team, old, lane, { status: 'failed', daysAgo: 200 });
    expect(await world.sweep()).toMatchObject({ removed: { runs: 1, objects: 1 }, problems: [], more: false });
    expect(await world.exists('runs', old)).toBe(false);
    expect(await count('run_events', 'run_id', old)).toBe(0);
    expect(await count('releases', 'run_id', old)).toBe(0);
    expect(await world.exists('attempts', attempt.id)).toBe(false);
    expect(await world.exists('deployments', deploymentId)).toBe(false);
    expect(world.blobs.stored.size).toBe(0);
    expect(await count('log_puts', 'blob_key', attempt.blobKey)).toBe(0);
    expect(await world.exists('runs', young)).toBe(true);
  });

  it('take along what a forge was told of them, but not what it was told of a commit that has another run', async () => {
    const [alone, again] = [
      await world.endedRun(team, LIMITS.runDays + 1),
      await world.endedRun(team, LIMITS.runDays + 1),
    ];
    await world.endedRun(team, 1);
    await world.runsSince(team, RUNS_ALWAYS_KEPT);
    await sql`update runs set commit = ${'c'.repeat(40)} where id = ${alone}`.execute(database.db);
    await sql`insert into commit_statuses (service_id, commit, team_id, repository_id, ref)
      select distinct service_id, commit, team_id, ${team.repositoryId}::uuid, 'main' from runs
      where service_id = ${team.serviceId}`.execute(database.db);
    await world.sweep();
    expect(await world.exists('runs', again)).toBe(false);
    const left = await database.db
      .selectFrom('commit_statuses')
      .select('commit')
      .where('service_id', '=', team.serviceId)
      .execute();
    expect(left).toEqual([{ commit: 'a'.repeat(40) }]);
  });

  it('stay while they are among the newest of their service', async () => {
    const old = await world.endedRun(team, 1_000);
    await world.runsSince(team, RUNS_ALWAYS_KEPT - 1);
    await world.sweep();
    expect(await world.exists('runs', old)).toBe(true);
  });

  it('go before their time when a service has too many, a day after their end at the earliest', async () => {
    const world = new RetentionWorld(database, { limits: { ...LIMITS, runsMost: 50 } });
    const runs = [await world.endedRun(team, 3), await world.endedRun(team, 0.5), await world.endedRun(team, 2)];
    await world.runsSince(team, 48);
    expect(await world.sweep()).toMatchObject({ removed: { runs: 0, surplusRuns: 1 } });
    expect(await Promise.all(runs.map((id) => world.exists('runs', id)))).toEqual([false, true, true]);
  });

  it('go by the shorter limit of their team', async () => {
    const other = await world.rows.team();
    await sql`update teams set retention = ${json({ runDays: 10 })} where id = ${team.teamId}`.execute(database.db);
    const [ours, theirs] = [await world.endedRun(team, 11), await world.endedRun(other, 11)];
    for (const one of [team, other]) await world.runsSince(one, RUNS_ALWAYS_KEPT);
    await world.sweep();
    expect([await world.exists('runs', ours), await world.exists('runs', theirs)]).toEqual([false, true]);
  });

  describe('stay, with their logs and tests, while', () => {
    const held = async (make: (runId: string) => Promise<unknown>) => {
      const id = await world.endedRun(team, 1_000);
      const attempt = await world.endedAttempt(team, id, 1_000);
      await world.runsSince(team, RUNS_ALWAYS_KEPT);
      await make(id);
      await world.sweep();
      const { log_removed_at: logRemoved } = await world.rows
        .attempt(attempt.id)
        .catch(() => ({ log_removed_at: 'gone with its run' }));
      return { run: await world.exists('runs', id), logRemoved };
    };
    const kept = { run: true, logRemoved: null };

    it('they have not ended', async () => {
      const made = await held((id) => sql`update runs set finished_at = null where id = ${id}`.execute(database.db));
      expect(made).toEqual(kept);
    });

    it.each(['waiting', 'running', 'unknown'] as const)('a deployment of theirs is %s', async (status) => {
      const lane = await world.environment(team);
      expect(await held((id) => world.deployment(team, id, lane, { status, daysAgo: 500 }))).toEqual(kept);
    });

    it('a lane names their release, whatever for', async () => {
      const lane = await world.environment(team);
      const name = async (id: string) => {
        const { releaseId } = await world.deployment(team, id, lane, { status: 'failed', daysAgo: 500 });
        await sql`update lanes set state = ${json({ pin: { releaseId } })} where id = ${lane.laneId}`.execute(
          database.db,
        );
      };
      expect(await held(name)).toEqual(kept);
    });

    it('a lane could go back to their release, and no longer', async () => {
      const lane = await world.environment(team);
      const newer = async (times: number) => {
        for (let at = 0; at < times; at += 1) {
          const id = await world.endedRun(team, 1);
          await world.deployment(team, id, lane, { status: 'passed', daysAgo: 100 - at });
        }
      };
      const back = async (id: string) => {
        await world.deployment(team, id, lane, { status: 'passed', daysAgo: 500 });
        await newer(RELEASES_TO_GO_BACK_TO - 1);
      };
      expect(await held(back)).toEqual(kept);
      await newer(1);
      expect(await world.sweep()).toMatchObject({ removed: { runs: 1 } });
    });

    it('a run that ran them again is there: it has its hands from them (I16)', async () => {
      const again = await world.endedRun(team, 1);
      const made = await held((id) => sql`update runs set rerun_of = ${id} where id = ${again}`.execute(database.db));
      expect(made).toEqual(kept);
    });
  });

  it('leave behind who had a hand in their commit (I16)', async () => {
    const id = await world.endedRun(team, 1_000);
    await world.runsSince(team, RUNS_ALWAYS_KEPT);
    await world.sweep();
    expect(await world.exists('runs', id)).toBe(false);
    const hands = await database.db
      .selectFrom('commit_hands')
      .selectAll()
      .where('repository_id', '=', team.repositoryId)
      .execute();
    expect(hands).toEqual([
      {
        repository_id: team.repositoryId,
        service_id: team.serviceId,
        commit: 'a'.repeat(40),
        part: 'pushed',
        identity: 'ann',
        user_id: null,
      },
    ]);
  });

  it('are removed once when two servers sweep at the same time', async () => {
    for (let at = 0; at < 60; at += 1) await world.endedRun(team, 1_000);
    await world.runsSince(team, RUNS_ALWAYS_KEPT);
    const other = new RetentionWorld(database);
    // As after a hold that ran out: both believe it is their turn, or one of them sees the other one at work.
    const results = await Promise.all([
      world.sweeper.sweep({ now: true }),
      (async () => {
        await sql`update retention_sweeps set held_until = now() - interval '1 second'`.execute(database.db);
        return other.sweeper.sweep({ now: true });
      })(),
    ]);
    const left = await count('runs', 'service_id', team.serviceId);
    if (left > 0) await world.sweep();
    expect(results.flatMap((result) => result?.problems ?? [])).toEqual([]);
    expect(await count('runs', 'service_id', team.serviceId)).toBe(0);
  });
});

it('every reference to what retention removes is one that it knows', async () => {
  const { rows } = await sql<{ reference: string }>`
    select conrelid::regclass || '.' || pg_attribute.attname || ' -> ' || confrelid::regclass as reference
    from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]
    where contype = 'f' and confdeltype = 'a'
      and confrelid in ('runs'::regclass, 'attempts'::regclass, 'releases'::regclass, 'deployments'::regclass, 'deliveries'::regclass)
    order by 1`.execute(database.db);
  // A new table either goes with the row that it names (on delete cascade) or is removed by name in remove-runs.ts.
  expect(rows.map(({ reference }) => reference)).toEqual([
    'deployments.release_id -> releases',
    'releases.run_id -> runs',
  ]);
});
