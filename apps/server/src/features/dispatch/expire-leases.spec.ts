import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { Clock } from '../../platform/clock/clock.port.ts';
import { databaseNow } from '../../platform/db/database.ts';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { DispatchSettings } from './dispatch-settings.ts';
import { DispatchReplica } from './testing/dispatch-replica.ts';
import { ONE_JOB, PipelineRows, type TestTeam } from '../../testing/pipeline-rows.ts';

let database: TestDatabase;
let rows: PipelineRows;
let team: TestTeam;
let pool: string;
let one: DispatchReplica;

beforeAll(async () => {
  database = await testDatabase();
  rows = new PipelineRows(database);
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.empty();
  team = await rows.team();
  pool = await rows.pool();
  one = new DispatchReplica(database, new DispatchSettings({ pollSeconds: 1, renewSeconds: 0.3 }));
});
afterEach(() => one.close());

/** Moves the end of leases into the past of the database's own clock. */
const runOut = (...attemptIds: string[]) =>
  database.db
    .updateTable('attempts')
    .set({ expires_at: sql<Date>`now() - interval '1 second'` })
    .where('id', 'in', attemptIds)
    .execute();
const start = (attemptId: string) =>
  database.db
    .updateTable('attempts')
    .set({ started_at: sql<Date>`now()` })
    .where('id', '=', attemptId)
    .execute();
const lease = async () => {
  const runId = await rows.run(team, ONE_JOB);
  const runner = await rows.runner(pool);
  return { runId, runner, lease: (await one.poll(runner))! };
};

class SkewedClock extends Clock {
  readonly #seconds: number;
  constructor(seconds: number) {
    super();
    this.#seconds = seconds;
  }
  override now(): Date {
    return new Date(Date.now() + this.#seconds * 1_000);
  }
}

describe('leases that run out', () => {
  it('F13 F17 an attempt that had begun is lost: epoch bumped, the run retries by its policy', async () => {
    const { runId, lease: held } = await lease();
    await start(held.attemptId);
    await runOut(held.attemptId);
    expect(await one.expire.sweep()).toBe(1);
    const [lost, retry] = await rows.attempts(runId);
    expect(lost).toMatchObject({ id: held.attemptId, status: 'lost', epoch: 2, reason: { code: 'runner-lost' } });
    expect(lost!.finished_at).not.toBeNull();
    expect(retry).toMatchObject({ number: 2, status: 'queued', pool_id: pool });
  });

  it('F14 the last attempt lost ends the run as errored; nothing hangs', async () => {
    const { runId, lease: first } = await lease();
    await start(first.attemptId);
    await runOut(first.attemptId);
    await one.expire.sweep();
    const second = await one.poll(await rows.runner(pool));
    await start(second!.attemptId);
    await runOut(second!.attemptId);
    await one.expire.sweep();
    expect((await rows.stateOf(runId)).status).toBe('errored');
  });

  it('an attempt that had not begun is queued again as the same attempt', async () => {
    const { runId, lease: held } = await lease();
    await runOut(held.attemptId);
    expect(await one.expire.sweep()).toBe(1);
    expect(await rows.attempts(runId)).toMatchObject([
      { id: held.attemptId, number: 1, status: 'queued', epoch: 2, runner_id: null },
    ]);
    expect(await one.poll(await rows.runner(pool))).toMatchObject({ attemptId: held.attemptId, epoch: 3 });
  });

  it('leaves leases alone that run', async () => {
    const { lease: held } = await lease();
    expect(await one.expire.sweep()).toBe(0);
    expect(await rows.attempt(held.attemptId)).toMatchObject({ status: 'running', epoch: 1 });
  });

  it('F62 a cancel that never reached its runner ends with the lease as cancelled', async () => {
    const { runId, lease: held } = await lease();
    await database.transactions.run(async (unit) => {
      await one.runs.apply(unit, runId, {
        type: 'attempt-started',
        jobKey: 'commit/verify',
        attemptId: held.attemptId,
        runner: 'r',
      });
      await one.runs.apply(unit, runId, { type: 'cancel', by: { kind: 'user', name: 'Ann' } });
    });
    await start(held.attemptId);
    await runOut(held.attemptId);
    await one.expire.sweep();
    expect((await rows.stateOf(runId)).status).toBe('cancelled');
    expect(await rows.attempt(held.attemptId)).toMatchObject({ status: 'cancelled', epoch: 2 });
  });

  it('F25 when many run out at once, runners get one renew period first', async () => {
    const held = [];
    for (let index = 0; index < 8; index += 1) held.push((await lease()).lease.attemptId);
    await runOut(...held);
    expect(await one.expire.sweep()).toBe(0);
    // Most renew in time, as runners do after an outage of the server.
    await database.db
      .updateTable('attempts')
      .set({ expires_at: sql<Date>`now() + interval '1 minute'` })
      .where('id', 'in', held.slice(1))
      .execute();
    expect(await one.expire.sweep()).toBe(1);
    expect((await rows.attempt(held[0]!)).status).toBe('queued');
  });

  it('F25 those that are still out after the period are taken back', async () => {
    const held = [];
    for (let index = 0; index < 8; index += 1) held.push((await lease()).lease.attemptId);
    await runOut(...held);
    expect(await one.expire.sweep()).toBe(0);
    await sql`select pg_sleep(0.35)`.execute(database.db);
    expect(await one.expire.sweep()).toBe(8);
  });

  it.each([
    ['F25 a replica whose clock jumps ten minutes ahead', 600],
    ['F26 a replica whose clock is five seconds behind', -5],
  ])('%s takes no lease back early, and those it grants end by the clock of the database', async (_, seconds) => {
    await lease();
    const settings = new DispatchSettings({ pollSeconds: 1 });
    const other = new DispatchReplica(database, settings, new SkewedClock(seconds));
    try {
      expect(await other.expire.sweep()).toBe(0);
      await rows.run(team, ONE_JOB);
      const before = await databaseNow(database.db);
      const { attemptId } = (await other.poll(await rows.runner(pool)))!;
      const after = await databaseNow(database.db);
      const granted = (await rows.attempt(attemptId)).expires_at!.getTime() - settings.leaseSeconds * 1_000;
      expect(granted).toBeGreaterThanOrEqual(before.getTime());
      expect(granted).toBeLessThanOrEqual(after.getTime());
    } finally {
      await other.close();
    }
  });

  it('F70 two replicas that sweep at once take each lease back once', async () => {
    const { runId, lease: held } = await lease();
    await start(held.attemptId);
    await runOut(held.attemptId);
    const other = new DispatchReplica(database);
    try {
      const taken = await Promise.all([one.expire.sweep(), other.expire.sweep()]);
      expect(taken.reduce((sum, count) => sum + count, 0)).toBe(1);
      expect((await rows.attempts(runId)).map(({ status }) => status)).toEqual(['lost', 'queued']);
    } finally {
      await other.close();
    }
  });
});

describe('reconcile', () => {
  it('F27 F28 dispatches ready attempts to waiting polls although every message was lost', async () => {
    const polled = one.poll(await rows.runner(pool));
    await expect.poll(() => database.db.selectFrom('polls').select('id').execute()).toHaveLength(1);
    const runId = await rows.run(team, ONE_JOB);
    await database.db.deleteFrom('outbox').execute();
    await one.reconcile.sweep();
    expect((await polled)?.run.id).toBe(runId);
  });

  it('gives attempts a pool that was made after them', async () => {
    await database.db.deleteFrom('pools').execute();
    const runId = await rows.run(team, ONE_JOB);
    expect((await rows.attempts(runId))[0]?.pool_id).toBeNull();
    const late = await rows.pool();
    await one.reconcile.sweep();
    expect((await rows.attempts(runId))[0]?.pool_id).toBe(late);
  });

  it('clears polls that nobody can ask for again', async () => {
    const { lease: held } = await lease();
    await start(held.attemptId);
    const runner = await rows.runner(pool);
    await database.db
      .insertInto('polls')
      .values({
        id: rows.ids.next(),
        runner_id: runner.runnerId,
        pool_id: pool,
        replica_id: rows.ids.next(),
        expires_at: sql<Date>`now() - interval '1 minute'`,
        attempt_id: null,
      })
      .execute();
    await one.reconcile.sweep();
    expect(await database.db.selectFrom('polls').select('id').execute()).toEqual([]);
  });
});
