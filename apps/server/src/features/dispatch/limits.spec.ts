import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { eventually } from '@sluice/testing';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { ONE_JOB, PipelineRows, type TestTeam } from '../../testing/pipeline-rows.ts';
import { lockAttempt } from './attempt-lease.ts';
import { DispatchReplica } from './testing/dispatch-replica.ts';

let database: TestDatabase;
let rows: PipelineRows;
let team: TestTeam;
const replicas: DispatchReplica[] = [];
const replica = () => {
  const made = new DispatchReplica(database);
  replicas.push(made);
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
});
afterEach(async () => {
  await Promise.all(replicas.splice(0).map((one) => one.close()));
});

const limit = (table: 'teams' | 'services', id: string, max: number) =>
  database.db.updateTable(table).set({ max_running: max }).where('id', '=', id).execute();
const running = async () =>
  (await database.db.selectFrom('attempts').select('run_id').where('status', '=', 'running').execute()).map(
    ({ run_id: runId }) => runId,
  );
const grouped = (more: string, label = '') => `
concurrency: ${more}
commit:
  jobs:
    verify: { image: "example.com/node:24"${label && `, labels: [${label}]`}, steps: [{ run: "true" }] }
`;
const freePolls = async () => (await database.db.selectFrom('polls').where('attempt_id', 'is', null).execute()).length;
const someoneWaitsForAnAdvisoryLock = async () => {
  const { rows: found } = await sql`
    select from pg_locks where locktype = 'advisory' and not granted
      and database = (select oid from pg_database where datname = current_database())`.execute(database.db);
  return found.length > 0;
};
/** Registers `count` polls of a runner each and lets one replica look at the pool. */
const offer = async (one: DispatchReplica, pool: string, count: number) => {
  const polled = [];
  for (let index = 0; index < count; index += 1) polled.push(one.poll(await rows.runner(pool), { waitSeconds: 0.3 }));
  return (await Promise.all(polled)).filter((lease) => lease !== null);
};
const end = async (one: DispatchReplica, runId: string, outcome: 'passed' | 'failed' = 'passed') => {
  const attempt = (await rows.attempts(runId)).find(({ status }) => status === 'running')!;
  await one.transactions.run(async (unit) => {
    await one.endAttempt.end(unit, (await lockAttempt(unit, attempt.id))!, { outcome });
  });
};

describe('I26 limits are counted in the transaction that grants', () => {
  it('two replicas that look at two pools at the same moment never exceed the limit of a team', async () => {
    await limit('teams', team.teamId, 3);
    const [one, two] = [replica(), replica()];
    const pools = [await rows.pool({ labels: ['left'] }), await rows.pool({ labels: ['right'] })];
    for (let index = 0; index < 6; index += 1) {
      await rows.run(team, ONE_JOB.replace('steps', 'labels: [left], steps'));
      await rows.run(team, ONE_JOB.replace('steps', 'labels: [right], steps'));
    }
    let most = 0;
    for (let round = 0; round < 8; round += 1) {
      const polled = await Promise.all(
        pools.flatMap((pool, side) => [offer([one, two][side]!, pool, 4), offer([two, one][side]!, pool, 2)]),
      );
      const held = await running();
      most = Math.max(most, held.length);
      expect(held.length).toBeLessThanOrEqual(3);
      if (round > 0) continue;
      expect(polled.flat()).toHaveLength(3);
      for (const runId of held) await end(one, runId);
    }
    expect(most).toBe(3);
  });

  it("what the limit of a service holds does not hide the team's other services", async () => {
    const pool = await rows.pool();
    await limit('services', team.serviceId, 1);
    const other = await database.db
      .insertInto('services')
      .values({ id: rows.ids.next(), team_id: team.teamId, slug: 'other', repository_id: team.repositoryId })
      .returning('id')
      .executeTakeFirstOrThrow();
    for (let index = 0; index < 4; index += 1) await rows.run(team, ONE_JOB);
    const last = await rows.run({ ...team, serviceId: other.id, slug: 'other' }, ONE_JOB);
    expect(await offer(replica(), pool, 3)).toHaveLength(2);
    expect(await running()).toContain(last);
  });

  it('a team whose job gets ready while those of others are counted waits for the next look', async () => {
    const pool = await rows.pool();
    await limit('teams', team.teamId, 1);
    await rows.run(team, ONE_JOB);
    const one = replica();
    await offer(one, pool, 1);
    const [other, third] = [await rows.team(), await rows.team()];
    const polled = [];
    for (let index = 0; index < 3; index += 1) polled.push(one.poll(await rows.runner(pool), { waitSeconds: 60 }));
    await eventually(async () => (await freePolls()) === 3, { describe: 'polls that wait' });
    await rows.run(other, ONE_JOB);
    let look: Promise<unknown> | undefined;
    let free = '';
    await database.transactions.run(async ({ tx }) => {
      await sql`select pg_advisory_xact_lock(hashtextextended(${`limits:${other.teamId}`}, 0))`.execute(tx);
      look = one.dispatch.dispatch(pool);
      await eventually(someoneWaitsForAnAdvisoryLock, { describe: 'a look that is about to count' });
      // Over its limit of one, and one without any: neither was there to be counted.
      await rows.run(team, ONE_JOB);
      free = await rows.run(third, ONE_JOB);
    });
    await look;
    await one.dispatch.dispatch(pool);
    expect(await running()).toContain(free);
    const held = await database.db.selectFrom('attempts').select('team_id').where('status', '=', 'running').execute();
    expect(held.filter(({ team_id: id }) => id === team.teamId)).toHaveLength(1);
    one.polls.stop();
    await Promise.all(polled);
  });

  it('another team does not feel it', async () => {
    const pool = await rows.pool();
    await limit('teams', team.teamId, 1);
    for (let index = 0; index < 3; index += 1) await rows.run(team, ONE_JOB);
    const other = await rows.team();
    for (let index = 0; index < 2; index += 1) await rows.run(other, ONE_JOB);
    expect(await offer(replica(), pool, 5)).toHaveLength(3);
  });

  it('the end of one job has the pools looked at where the team waits', async () => {
    const [left, right] = [await rows.pool({ labels: ['left'] }), await rows.pool({ labels: ['right'] })];
    await limit('teams', team.teamId, 1);
    const first = await rows.run(team, ONE_JOB.replace('steps', 'labels: [left], steps'));
    const one = replica();
    await offer(one, left, 1);
    await rows.run(team, ONE_JOB.replace('steps', 'labels: [right], steps'));
    await sql`truncate outbox`.execute(database.db);
    await end(one, first);
    const messages = await database.db.selectFrom('outbox').select(['topic', 'payload']).execute();
    expect(messages).toContainEqual({ topic: 'look-at-pool', payload: { poolId: right } });
  });
});

describe('I26 groups of runs', () => {
  it('begin in the order in which they were made, one at a time, and none is dropped', async () => {
    const pool = await rows.pool();
    const one = replica();
    const runs = [];
    for (let index = 0; index < 4; index += 1) runs.push(await rows.run(team, grouped('{ max: 1 }')));
    for (const runId of runs) {
      await offer(one, pool, 3);
      expect(await running()).toEqual([runId]);
      await end(one, runId);
    }
    for (const runId of runs) expect((await rows.stateOf(runId)).status).toBe('passed');
  });

  it('two replicas that look at two pools at the same moment let one run of a group begin', async () => {
    const [one, two] = [replica(), replica()];
    const [left, right] = [await rows.pool({ labels: ['left'] }), await rows.pool({ labels: ['right'] })];
    for (let index = 0; index < 3; index += 1) {
      await rows.run(team, grouped('{ group: db }', 'left'));
      await rows.run(team, grouped('{ group: db }', 'right'));
    }
    for (let round = 0; round < 6; round += 1) {
      await Promise.all([offer(one, left, 2), offer(two, right, 2), offer(two, left, 1), offer(one, right, 1)]);
      const held = await running();
      expect(held).toHaveLength(1);
      await end(one, held[0]!);
    }
    expect(await running()).toEqual([]);
  });

  it('span the services of a team and nothing of another one', async () => {
    const pool = await rows.pool();
    const [mine, theirs] = [
      await rows.run(team, grouped('{ group: db }')),
      await rows.run(await rows.team(), grouped('{ group: db }')),
    ];
    expect(await offer(replica(), pool, 3)).toHaveLength(2);
    expect((await running()).toSorted()).toEqual([mine, theirs].toSorted());
  });

  it('a run that finds no pool keeps nobody waiting', async () => {
    const pool = await rows.pool();
    await rows.run(team, grouped('{ group: db }', 'nowhere'));
    const next = await rows.run(team, grouped('{ group: db }'));
    await offer(replica(), pool, 1);
    expect(await running()).toEqual([next]);
  });

  it('a lease that comes back gives the place back', async () => {
    const pool = await rows.pool();
    const one = replica();
    const first = await rows.run(team, grouped('{ max: 1 }'));
    const [lease] = await offer(one, pool, 1);
    const attempt = (await rows.attempts(first))[0]!;
    await one.returnLease.return({ attemptId: lease!.attemptId, epoch: 1, runnerId: attempt.runner_id! });
    expect((await rows.attempts(first))[0]).toMatchObject({ status: 'queued', leased_at: null });
    await rows.run(team, grouped('{ max: 1 }'));
    await offer(one, pool, 2);
    expect(await running()).toEqual([first]);
  });
});

describe('order', () => {
  const background = `priority: background\n${ONE_JOB}`;

  it('background work waits for all others of its team, and is lifted by waiting', async () => {
    const pool = await rows.pool();
    const one = replica();
    const [low, normal] = [await rows.run(team, background), await rows.run(team, ONE_JOB)];
    expect((await rows.attempts(low))[0]!.priority).toBe(-1);
    await offer(one, pool, 1);
    expect(await running()).toEqual([normal]);
    // More of the others than there are runners must not hide it for ever.
    for (let index = 0; index < 3; index += 1) await rows.run(team, ONE_JOB);
    await sql`update attempts set queued_at = now() - interval '61 minutes' where run_id = ${low}`.execute(database.db);
    await offer(one, pool, 1);
    expect(await running()).toContain(low);
  });

  it('two teams take turns on one runner, however long the queue of one is', async () => {
    const pool = await rows.pool();
    const one = replica();
    const runner = await rows.runner(pool);
    const other = await rows.team();
    for (let index = 0; index < 5; index += 1) await rows.run(team, ONE_JOB);
    for (let index = 0; index < 2; index += 1) await rows.run(other, ONE_JOB);
    const order: string[] = [];
    for (let turn = 0; turn < 7; turn += 1) {
      const lease = await one.poll(runner);
      order.push((await rows.attempt(lease!.attemptId)).team_id === other.teamId ? 'other' : 'team');
      await end(one, lease!.run.id);
      await eventually(async () => (await running()).length === 0);
    }
    expect(order.join(' ')).toBe('team other team other team team team');
  });
});
