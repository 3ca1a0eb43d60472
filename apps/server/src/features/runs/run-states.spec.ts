import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foldRun, type RunCommand } from '@sluice/engine';
import { SystemClock, UuidV7 } from '../../platform/clock/system-clock.ts';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { PipelineRows } from '../../testing/pipeline-rows.ts';
import { RunStates } from './run-states.ts';
import { RunStore } from './run-store.ts';

const JOBS = 60;
const MANY_JOBS = `
commit:
  jobs:
${Array.from({ length: JOBS }, (_, index) => `    j${index}: { image: "example.com/node:24", steps: [{ run: "true" }] }`).join('\n')}
`;

describe('states of runs', () => {
  let database: TestDatabase;
  let rows: PipelineRows;
  beforeAll(async () => {
    database = await testDatabase();
    rows = new PipelineRows(database);
    await rows.pool();
  });
  afterAll(() => database.close());

  /** A server process of its own: nothing in memory is shared. */
  const replica = () => {
    const states = new RunStates();
    const store = new RunStore(new SystemClock(), new UuidV7(), rows.outbox, states);
    const apply = (runId: string, command: RunCommand) =>
      database.transactions.run((unit) => store.apply(unit, runId, command));
    return { states, apply };
  };
  const storedVersion = async (runId: string) =>
    (await database.db.selectFrom('runs').select('state').where('id', '=', runId).executeTakeFirstOrThrow()).state
      .version;
  const folded = async (runId: string) =>
    foldRun(
      (
        await database.db
          .selectFrom('run_events')
          .select('event')
          .where('run_id', '=', runId)
          .orderBy('sequence')
          .execute()
      ).map(({ event }) => event),
    );

  it('I34: two replicas in turn, with a snapshot that lags: everybody reads the fold of the history', async () => {
    const both = [replica(), replica()];
    const runId = await rows.run(await rows.team(), MANY_JOBS);
    const lags: number[] = [];
    for (const [index, { id, job_key }] of (await rows.attempts(runId)).entries()) {
      const jobKey = job_key as `commit/${string}`;
      await both[index % 2]!.apply(runId, { type: 'attempt-started', jobKey, attemptId: id, runner: 'r' });
      await both[(index >> 1) % 2]!.apply(runId, { type: 'attempt-ended', jobKey, attemptId: id, outcome: 'passed' });
      const state = await folded(runId);
      if (index % 7 === 0 || index === JOBS - 1) {
        for (const { states } of [...both, replica()]) expect(await states.read(database.db, runId)).toEqual(state);
        expect(await rows.stateOf(runId)).toEqual(state);
      }
      lags.push(state.version - (await storedVersion(runId)));
    }
    expect(Math.max(...lags)).toBeGreaterThan(10);
    expect(Math.max(...lags)).toBeLessThan(60);
    // The end of a run is in its snapshot.
    expect(lags.at(-1)).toBe(0);
    expect((await rows.stateOf(runId)).status).toBe('passed');
  });

  it('writes a cancel into the snapshot at once', async () => {
    const one = replica();
    const runId = await rows.run(await rows.team(), MANY_JOBS);
    const [attempt] = await rows.attempts(runId);
    const jobKey = attempt!.job_key as `commit/${string}`;
    await one.apply(runId, { type: 'attempt-started', jobKey, attemptId: attempt!.id, runner: 'r' });
    await one.apply(runId, { type: 'cancel', by: { kind: 'user', name: 'Rita' } });
    expect(await storedVersion(runId)).toBe((await folded(runId)).version);
  });

  it('forgets what was rolled back', async () => {
    const states = new RunStates();
    const store = new RunStore(new SystemClock(), new UuidV7(), rows.outbox, states);
    const runId = await rows.run(await rows.team(), MANY_JOBS);
    const [attempt] = await rows.attempts(runId);
    const jobKey = attempt!.job_key as `commit/${string}`;
    const command = { type: 'attempt-started', jobKey, attemptId: attempt!.id, runner: 'lost' } as const;
    await expect(
      database.transactions.run(async (unit) => {
        await store.apply(unit, runId, command);
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await database.transactions.run((unit) => store.apply(unit, runId, { ...command, runner: 'r' }));
    expect(await states.read(database.db, runId)).toEqual(await folded(runId));
    expect((await folded(runId)).jobs[jobKey]?.attempts[0]?.runner).toBe('r');
  });

  it('says so when the history is shorter than the row tells', async () => {
    const runId = await rows.run(await rows.team(), MANY_JOBS);
    await expect(new RunStates().load(database.db, runId, 10_000)).rejects.toThrow(/the history of run .* ends at/);
  });
});
