import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foldRun } from '@sluice/engine';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { ONE_JOB, PipelineRows } from '../../testing/pipeline-rows.ts';

const MANY = Array.from({ length: 40 }, (_, index) => index);

describe('RunStore on PostgreSQL', () => {
  let database: TestDatabase;
  let rows: PipelineRows;
  beforeAll(async () => {
    database = await testDatabase();
    rows = new PipelineRows(database);
    await rows.pool();
  });
  afterAll(() => database.close());

  const events = async (runId: string) =>
    database.db
      .selectFrom('run_events')
      .select(['sequence', 'event'])
      .where('run_id', '=', runId)
      .orderBy('sequence')
      .execute();

  it('I34: the stored state is the fold of the stored events, whose sequence has no gap (I01)', async () => {
    const runId = await rows.run(await rows.team(), ONE_JOB);
    const [attempt] = await rows.attempts(runId);
    await database.transactions.run((unit) =>
      rows.runs.apply(unit, runId, {
        type: 'attempt-started',
        jobKey: 'commit/verify',
        attemptId: attempt!.id,
        runner: 'r1',
      }),
    );
    await database.transactions.run((unit) =>
      rows.runs.apply(unit, runId, {
        type: 'attempt-ended',
        jobKey: 'commit/verify',
        attemptId: attempt!.id,
        outcome: 'passed',
      }),
    );
    const history = await events(runId);
    expect(history.map((row) => row.sequence)).toEqual(history.map((_, index) => index + 1));
    expect(foldRun(history.map((row) => row.event))).toEqual(await rows.stateOf(runId));
    expect((await rows.attempt(attempt!.id)).status).toBe('passed');
    expect((await rows.stateOf(runId)).status).toBe('passed');
  });

  it.each(MANY)('F60: cancel races a result, round %i: exactly one of them wins and the row agrees', async () => {
    const runId = await rows.run(await rows.team(), ONE_JOB);
    const [attempt] = await rows.attempts(runId);
    const apply = (command: Parameters<typeof rows.runs.apply>[2]) =>
      database.transactions.run((unit) => rows.runs.apply(unit, runId, command));
    await apply({ type: 'attempt-started', jobKey: 'commit/verify', attemptId: attempt!.id, runner: 'r1' });
    const [cancelled, ended] = await Promise.all([
      apply({ type: 'cancel', by: { kind: 'user', name: 'Rita' } }),
      apply({ type: 'attempt-ended', jobKey: 'commit/verify', attemptId: attempt!.id, outcome: 'passed' }),
    ]);
    const { status } = await rows.stateOf(runId);
    expect(ended.kind).toBe('accepted');
    if (cancelled.kind === 'rejected') {
      expect(cancelled.code).toBe('already-finished');
      expect(status).toBe('passed');
    } else {
      expect(status).toBe('cancelled');
    }
    const ends = (await events(runId)).filter((row) => row.event.type === 'run-ended');
    expect(ends).toHaveLength(1);
  });

  it('cancels a queued attempt at once: its row can no longer be leased (F61)', async () => {
    const runId = await rows.run(await rows.team(), ONE_JOB);
    await database.transactions.run((unit) =>
      rows.runs.apply(unit, runId, { type: 'cancel', by: { kind: 'user', name: 'Rita' } }),
    );
    expect((await rows.attempts(runId)).map((row) => row.status)).toEqual(['cancelled']);
    expect((await rows.stateOf(runId)).status).toBe('cancelled');
  });

  it('numbers concurrent runs of a service without gap or double', async () => {
    const team = await rows.team();
    const runIds = await Promise.all(MANY.slice(0, 10).map(() => rows.run(team, ONE_JOB)));
    const numbers = await Promise.all(runIds.map(async (runId) => (await rows.stateOf(runId)).number));
    expect(numbers.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('a broken definition makes a failed run with every finding on it', async () => {
    const runId = await rows.run(await rows.team(), 'comit: {}\nbuild: { image: { repository: "-v" } }\n');
    const row = await database.db
      .selectFrom('runs')
      .select(['status', 'findings', 'state'])
      .where('id', '=', runId)
      .executeTakeFirstOrThrow();
    expect(row.status).toBe('failed');
    expect(row.findings.length).toBeGreaterThanOrEqual(2);
    expect(row.state.reason).toMatchObject({ code: 'bad-definition' });
    expect(row.state.reason?.message).toMatch(/^sluice\.yaml:3:1: /);
    expect(await rows.attempts(runId)).toEqual([]);
  });

  it('an attempt without a fitting pool waits without one, and gets one when it exists', async () => {
    const team = await rows.team();
    const runId = await rows.run(team, ONE_JOB.replace('image:', 'labels: [gpu], image:'));
    expect((await rows.attempts(runId))[0]?.pool_id).toBeNull();
  });
});
