import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { eventually } from '@sluice/testing';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { DispatchSettings } from './dispatch-settings.ts';
import { DispatchReplica } from './testing/dispatch-replica.ts';
import { ONE_JOB, PipelineRows, type TestTeam } from '../../testing/pipeline-rows.ts';

let database: TestDatabase;
let rows: PipelineRows;
let team: TestTeam;
let pool: string;
const replicas: DispatchReplica[] = [];
const replica = async (settings?: DispatchSettings) => {
  const made = new DispatchReplica(database, settings);
  replicas.push(made);
  await made.start();
  return made;
};

beforeAll(async () => {
  database = await testDatabase();
  rows = new PipelineRows(database);
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.empty();
  team = await rows.team();
  pool = await rows.pool();
});
afterEach(async () => {
  await Promise.all(replicas.splice(0).map((one) => one.close()));
});

const waitingPolls = () => database.db.selectFrom('polls').select(['id', 'replica_id', 'attempt_id']).execute();
const registered = (count: number) =>
  eventually(async () => (await waitingPolls()).filter((poll) => poll.attempt_id === null).length === count, {
    describe: `${count} registered polls`,
  });

describe('dispatch', () => {
  it('gives a ready attempt to a poll that arrives', async () => {
    const one = await replica();
    const runId = await rows.run(team, ONE_JOB);
    const lease = await one.poll(await rows.runner(pool));
    const [attempt] = await rows.attempts(runId);
    expect(lease).toMatchObject({
      attemptId: attempt!.id,
      epoch: 1,
      job: { key: 'commit/verify', attempt: 1 },
      source: { path: 'services/shop' },
    });
    expect(attempt).toMatchObject({ status: 'running', epoch: 1 });
    expect(attempt!.expires_at!.getTime() - attempt!.leased_at!.getTime()).toBe(60_000);
  });

  it('answers a waiting poll when an attempt becomes ready, also one that another replica holds', async () => {
    const [holder, other] = [await replica(), await replica()];
    const polled = holder.poll(await rows.runner(pool));
    await registered(1);
    const runId = await rows.run(team, ONE_JOB);
    await other.dispatch.dispatch(pool);
    expect((await polled)?.run.id).toBe(runId);
  });

  it('finds the answer by itself when the hint between replicas is lost', async () => {
    const [holder, other] = [await replica(), await replica()];
    const polled = holder.poll(await rows.runner(pool));
    await registered(1);
    const runId = await rows.run(team, ONE_JOB);
    await database.transactions.run(async (unit) => {
      const { GrantLeases } = await import('./grant-leases.ts');
      return new GrantLeases(new DispatchSettings()).grant(unit, pool);
    });
    expect(other.waiting.ids()).toEqual([]);
    expect((await polled)?.run.id).toBe(runId);
  });

  it('A41 gives a job on the host to a runner of a trusted pool that offers it, and to no other', async () => {
    const one = await replica();
    const onHost = ONE_JOB.replace(/image: [^,]+/, 'host: true');
    const runId = await rows.run(team, onHost);
    expect(await one.poll(await rows.runner(pool), { waitSeconds: 0 })).toBeNull();
    const untrusted = await rows.runner(await rows.pool({ trust: 'untrusted' }));
    expect(await one.poll(untrusted, { host: true, waitSeconds: 0 })).toBeNull();
    // Behind it, what a container will do for is not held up.
    const next = await rows.run(team, ONE_JOB);
    expect((await one.poll(await rows.runner(pool), { waitSeconds: 0 }))?.run.id).toBe(next);
    const lease = await one.poll(await rows.runner(pool), { host: true, waitSeconds: 0 });
    expect(lease?.run.id).toBe(runId);
    expect(lease?.work).not.toHaveProperty('image');
  });

  it('answers null when nothing came in time and leaves no poll behind', async () => {
    const one = await replica();
    expect(await one.poll(await rows.runner(pool), { waitSeconds: 0.05 })).toBeNull();
    expect(await waitingPolls()).toEqual([]);
  });

  it('F34 I04 two replicas are sent the same message and race for attempts and polls: each attempt is leased once, each poll answered once', async () => {
    const both = [await replica(), await replica()];
    const attempts = 24;
    const runners = await Promise.all(Array.from({ length: attempts }, () => rows.runner(pool)));
    const polled = runners.map((runner, index) => both[index % 2]!.poll(runner, { waitSeconds: 20 }));
    for (let index = 0; index < attempts; index += 1) {
      await rows.run(team, ONE_JOB);
      void both[0]!.dispatch.dispatch(pool);
      void both[1]!.dispatch.dispatch(pool);
    }
    await Promise.all(both.map((one) => one.dispatch.dispatch(pool)));
    const leases = await Promise.all(polled);
    expect(new Set(leases.map((lease) => lease?.attemptId)).size).toBe(attempts);
    expect(leases.every((lease) => lease?.epoch === 1)).toBe(true);
  });

  it('A56 I26 never gives a runner more leases than it has slots', async () => {
    const one = await replica();
    for (let index = 0; index < 4; index += 1) await rows.run(team, ONE_JOB);
    const runner = await rows.runner(pool, 2);
    const polls = await Promise.all(Array.from({ length: 4 }, () => one.poll(runner, { slots: 2, waitSeconds: 3 })));
    expect(polls.filter((lease) => lease !== null)).toHaveLength(2);
  });

  it('A53 I24 never gives an untrusted attempt to a trusted pool', async () => {
    const one = await replica();
    const runId = await rows.run(team, ONE_JOB, 'untrusted');
    expect((await rows.attempts(runId))[0]?.pool_id).toBeNull();
    // Even if a pool were chosen wrongly, the match is refused.
    await database.db.updateTable('attempts').set({ pool_id: pool }).where('run_id', '=', runId).execute();
    expect(await one.poll(await rows.runner(pool), { waitSeconds: 0.05 })).toBeNull();
  });

  it('a team with many ready attempts does not hide the only one of another', async () => {
    const one = await replica();
    for (let index = 0; index < 5; index += 1) await rows.run(team, ONE_JOB);
    const other = await rows.team();
    const single = await rows.run(other, ONE_JOB);
    const runner = await rows.runner(pool, 2);
    await one.poll(runner, { slots: 2 });
    expect((await one.poll(runner, { slots: 2 }))?.run.id).toBe(single);
  });

  it('gives nothing to a runner that drains', async () => {
    const one = await replica();
    await rows.run(team, ONE_JOB);
    expect(await one.poll(await rows.runner(pool), { draining: true })).toBeNull();
  });

  it('F46 a replica that stops answers its waiting polls at once', async () => {
    const one = await replica();
    const polled = one.poll(await rows.runner(pool), { waitSeconds: 50 });
    await registered(1);
    one.polls.stop();
    expect(await polled).toBeNull();
  });
});

describe('the same poll id', () => {
  it('F05 gets the same lease back, also from another replica', async () => {
    const [first, second] = [await replica(), await replica()];
    await rows.run(team, ONE_JOB);
    const runner = await rows.runner(pool);
    const pollId = rows.ids.next();
    const lease = await first.poll(runner, { pollId });
    const again = await second.poll(runner, { pollId });
    expect(again).toEqual(lease);
  });

  it('waits anew when its lease has ended meanwhile', async () => {
    const one = await replica();
    const runId = await rows.run(team, ONE_JOB);
    const runner = await rows.runner(pool);
    const pollId = rows.ids.next();
    const lease = await one.poll(runner, { pollId });
    await database.db.updateTable('attempts').set({ status: 'cancelled' }).where('run_id', '=', runId).execute();
    expect(lease).not.toBeNull();
    expect(await one.poll(runner, { pollId, waitSeconds: 0.05 })).toBeNull();
  });

  it('on a newer connection takes the place of the older one', async () => {
    const one = await replica();
    const runner = await rows.runner(pool);
    const pollId = rows.ids.next();
    const older = one.poll(runner, { pollId });
    await registered(1);
    const newer = one.poll(runner, { pollId });
    expect(await older).toBeNull();
    const runId = await rows.run(team, ONE_JOB);
    await eventually(async () => {
      await one.dispatch.dispatch(pool);
      return (await rows.attempts(runId))[0]?.status === 'running';
    });
    expect((await newer)?.run.id).toBe(runId);
  });

  it('of another runner is refused', async () => {
    const one = await replica();
    const pollId = rows.ids.next();
    const polled = one.poll(await rows.runner(pool), { pollId });
    await registered(1);
    await expect(one.poll(await rows.runner(pool), { pollId })).rejects.toMatchObject({
      status: 409,
      code: 'poll-id-taken',
    });
    one.polls.stop();
    await polled;
  });
});

describe('a connection that is gone', () => {
  it('returns the lease at once with the next epoch, and the next poll gets it', async () => {
    const one = await replica();
    const gone = new AbortController();
    const runner = await rows.runner(pool);
    const polled = one.poll(runner, { gone: gone.signal });
    await registered(1);
    const runId = await rows.run(team, ONE_JOB);
    // The runner hangs up in the moment between the grant and the answer.
    gone.abort();
    await Promise.all([one.dispatch.dispatch(pool), polled]);
    await eventually(async () => (await rows.attempts(runId))[0]?.status === 'queued');
    const lease = await one.poll(await rows.runner(pool));
    expect(lease?.run.id).toBe(runId);
  });

  it('that went while the poll was being registered is noticed too', async () => {
    const one = await replica();
    const gone = new AbortController();
    const dispatch = one.dispatch.dispatch.bind(one.dispatch);
    one.dispatch.dispatch = async (poolId) => {
      gone.abort();
      await dispatch(poolId);
    };
    expect(await one.poll(await rows.runner(pool), { waitSeconds: 50, gone: gone.signal })).toBeNull();
    expect(await waitingPolls()).toEqual([]);
  });

  it('an answer that was not delivered is returned, and its late starter is shut out by the epoch', async () => {
    const one = await replica();
    const runId = await rows.run(team, ONE_JOB);
    const runner = await rows.runner(pool);
    const lease = await one.poll(runner);
    await one.answer.notDelivered(runner, lease!);
    const [attempt] = await rows.attempts(runId);
    expect(attempt).toMatchObject({ status: 'queued', epoch: 2, runner_id: null });
    expect(await waitingPolls()).toEqual([]);
    expect(await one.poll(await rows.runner(pool))).toMatchObject({ epoch: 3 });
  });

  it('F19 a runner that lost its connection unnoticed polls anew, and its dead poll gets nothing', async () => {
    const one = await replica();
    const runner = await rows.runner(pool);
    const dead = one.poll(runner, { waitSeconds: 50 });
    await registered(1);
    const alive = one.poll(runner, { waitSeconds: 50 });
    expect(await dead).toBeNull();
    const runId = await rows.run(team, ONE_JOB);
    await one.dispatch.dispatch(pool);
    expect((await alive)?.run.id).toBe(runId);
  });

  it('polls of a process that died get nothing once it no longer vouches for them', async () => {
    const dead = await replica(new DispatchSettings({ pollSeconds: 1 }));
    const runner = await rows.runner(pool);
    void dead.poll(runner, { waitSeconds: 50 }).catch(() => undefined);
    await registered(1);
    await dead.vouch.stop();
    await eventually(
      async () =>
        (await sql<{ dead: boolean }>`select expires_at < now() as dead from polls`.execute(database.db)).rows[0]?.dead,
      { describe: 'the end of the poll' },
    );
    const runId = await rows.run(team, ONE_JOB);
    const other = await replica();
    await other.dispatch.dispatch(pool);
    expect((await rows.attempts(runId))[0]?.status).toBe('queued');
  });
});
