import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { ONE_JOB, PipelineRows, type TestTeam } from '../../testing/pipeline-rows.ts';
import { SupersedeRuns } from './supersede-runs.ts';

describe('SupersedeRuns on PostgreSQL', () => {
  let database: TestDatabase;
  let rows: PipelineRows;
  let supersede: SupersedeRuns;
  beforeAll(async () => {
    database = await testDatabase();
    rows = new PipelineRows(database);
    supersede = new SupersedeRuns(database.db, database.transactions, rows.runs);
  });
  afterAll(() => database.close());

  const CANCEL = `concurrency: { cancel: superseded }\n${ONE_JOB}`;
  /** Carries out what the outbox holds, twice, as at-least-once may do. */
  const relay = async () => {
    const sent = await database.db
      .deleteFrom('outbox')
      .where('topic', '=', 'supersede-runs')
      .returning('payload')
      .execute();
    for (const { payload } of [...sent, ...sent]) await supersede.supersede(payload as { runId: string });
    return sent.length;
  };
  const statuses = (runs: readonly string[]) =>
    Promise.all(runs.map(async (runId) => (await rows.stateOf(runId)).status));
  const pushed = async (team: TestTeam, ...texts: string[]) => {
    const runs = [];
    for (const text of texts) runs.push(await rows.run(team, text));
    return runs;
  };

  it('a newer push ends the older runs of its ref, as their own definitions say', async () => {
    const runs = await pushed(await rows.team(), CANCEL, ONE_JOB, CANCEL, ONE_JOB);
    expect(await relay()).toBe(3);
    expect(await statuses(runs)).toEqual(['superseded', 'queued', 'superseded', 'queued']);
    expect((await rows.attempts(runs[0]!))[0]).toMatchObject({ status: 'cancelled' });
    expect((await rows.stateOf(runs[0]!)).reason?.message).toMatch(/^Run [23] of a newer push took its place\.$/);
  });

  it('knows of no other service, and says nothing where no older run is open', async () => {
    const [mine] = await pushed(await rows.team(), CANCEL);
    await pushed(await rows.team(), CANCEL);
    expect(await relay()).toBe(0);
    expect(await statuses([mine!])).toEqual(['queued']);
  });

  it('F52: a lost race with the end of the older run changes nothing', async () => {
    const team = await rows.team();
    const [older] = await pushed(team, CANCEL);
    await pushed(team, CANCEL);
    const [attempt] = await rows.attempts(older!);
    await database.transactions.run((unit) =>
      rows.runs.apply(unit, older!, {
        type: 'attempt-ended',
        jobKey: 'commit/verify',
        attemptId: attempt!.id,
        outcome: 'passed',
      }),
    );
    await relay();
    expect(await statuses([older!])).toEqual(['passed']);
  });
});
