import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { ONE_JOB, PipelineRows, type TestTeam } from '../../testing/pipeline-rows.ts';
import { ExplainQueue } from './explain-queue.ts';

describe('I07 every queued attempt says why it waits', () => {
  let database: TestDatabase;
  let rows: PipelineRows;
  let team: TestTeam;
  let pool: string;
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

  const explain = async () => {
    const queued = await database.db.selectFrom('attempts').selectAll().where('status', '=', 'queued').execute();
    return { queued, causes: await new ExplainQueue(database.db).explain(queued) };
  };
  const causeOf = async (runId: string) => {
    const { queued, causes } = await explain();
    return causes.get(queued.find(({ run_id: id }) => id === runId)!.id);
  };
  const take = async (runId: string) => {
    const { runnerId } = await rows.runner(pool);
    await database.db
      .updateTable('attempts')
      .set({ status: 'running', runner_id: runnerId, leased_at: new Date() })
      .where('run_id', '=', runId)
      .execute();
  };

  it('no pool, no runner, a free runner, a busy one', async () => {
    const gpu = await rows.run(team, ONE_JOB.replace('steps', 'labels: [gpu], steps'));
    const run = await rows.run(team, ONE_JOB);
    expect(await causeOf(gpu)).toMatchObject({ code: 'no-pool' });
    expect(await causeOf(run)).toMatchObject({ code: 'no-runner' });
    await rows.runner(pool);
    expect(await causeOf(run)).toMatchObject({ code: 'starting' });
    await sql`update runners set draining = true`.execute(database.db);
    expect(await causeOf(run)).toMatchObject({ code: 'no-runner' });
    await sql`update runners set removed_at = now()`.execute(database.db);
    await take(run);
    const next = await rows.run(team, ONE_JOB);
    const last = await rows.run(team, ONE_JOB);
    const urgent = await rows.run(
      team,
      `${ONE_JOB}build: { image: { repository: example.com/shop } }\nrelease: [{ environment: staging }]\n`,
    );
    expect((await causeOf(urgent))?.message).toMatch(/this is next\.$/);
    expect((await causeOf(next))?.message).toMatch(/1 job is ahead\.$/);
    expect((await causeOf(last))?.message).toMatch(/2 jobs are ahead\.$/);
  });

  it('for a job on the host only runners count that offer it', async () => {
    const onHost = await rows.run(team, ONE_JOB.replace(/image: [^,]+/, 'host: true'));
    const run = await rows.run(team, ONE_JOB);
    expect(await causeOf(onHost)).toMatchObject({ code: 'no-runner' });
    await rows.runner(pool);
    expect(await causeOf(onHost)).toMatchObject({
      code: 'no-host-runner',
      endsWhen: expect.stringContaining('SLUICE_RUNNER_HOST_EXECUTOR=true') as string,
    });
    expect(await causeOf(run)).toMatchObject({ code: 'starting' });
    await sql`update runners set offers_host = true`.execute(database.db);
    expect(await causeOf(onHost)).toMatchObject({ code: 'starting' });
  });

  it('the limit of the service before that of the team, by name', async () => {
    await take(await rows.run(team, ONE_JOB));
    const held = await rows.run(team, ONE_JOB);
    await database.db.updateTable('teams').set({ max_running: 1 }).where('id', '=', team.teamId).execute();
    expect(await causeOf(held)).toMatchObject({ code: 'team-limit' });
    await database.db.updateTable('services').set({ max_running: 1 }).where('id', '=', team.serviceId).execute();
    expect(await causeOf(held)).toMatchObject({
      code: 'service-limit',
      message: `1 job of the service ${team.slug} may run at once, and so many do.`,
    });
    await database.db.updateTable('services').set({ max_running: 2 }).execute();
    await database.db.updateTable('teams').set({ max_running: 2 }).execute();
    expect(await causeOf(held)).toMatchObject({ code: 'runner-busy' });
  });

  it('the group, with the runs that hold it and those before', async () => {
    const text = `concurrency: { group: db }\n${ONE_JOB}`;
    await take(await rows.run(team, text));
    const [second, third] = [await rows.run(team, text), await rows.run(team, text)];
    expect(await causeOf(second)).toMatchObject({
      code: 'group',
      message: `1 run of the group db may use runners at once; ${team.slug} #1 does now.`,
      endsWhen: `The end of the jobs of ${team.slug} #1.`,
    });
    expect((await causeOf(third))?.message).toContain(`; ${team.slug} #2 is before it.`);
  });

  it("another team's turn, without its name", async () => {
    await take(await rows.run(team, ONE_JOB));
    const held = await rows.run(team, ONE_JOB);
    const other = await rows.team();
    const theirs = await rows.run(other, ONE_JOB);
    expect(await causeOf(held)).toMatchObject({ code: 'fair-share' });
    expect(JSON.stringify(await causeOf(held))).not.toContain(other.slug);
    expect(await causeOf(theirs)).toMatchObject({ code: 'runner-busy' });
  });

  it('whatever there is, nothing is without a cause', async () => {
    await rows.runner(pool, 2);
    const texts = [ONE_JOB, `concurrency: { max: 1 }\n${ONE_JOB}`, `concurrency: { group: db, max: 2 }\n${ONE_JOB}`];
    const other = await rows.team();
    for (let index = 0; index < 12; index += 1) {
      const runId = await rows.run(
        index % 3 === 0 ? other : team,
        texts[index % 3]!,
        index % 5 === 0 ? 'untrusted' : 'trusted',
      );
      if (index % 4 === 0) await take(runId);
    }
    await database.db.updateTable('teams').set({ max_running: 2 }).execute();
    const { queued, causes } = await explain();
    expect(queued.length).toBeGreaterThan(6);
    expect([...causes.keys()].toSorted()).toEqual(queued.map(({ id }) => id).toSorted());
  });
});
