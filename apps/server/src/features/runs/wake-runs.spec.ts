import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Clock } from '../../platform/clock/clock.port.ts';
import { SystemClock, UuidV7 } from '../../platform/clock/system-clock.ts';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { OutboxSignal } from '../../platform/outbox/outbox-signal.ts';
import { PipelineRows } from '../../testing/pipeline-rows.ts';
import { RunStore } from './run-store.ts';
import { WakeRuns } from './wake-runs.ts';

class LaterClock extends SystemClock {
  seconds = 0;
  override now(): Date {
    return new Date(super.now().getTime() + this.seconds * 1000);
  }
}

const PAUSED = `
commit:
  timeout: 10m
  jobs:
    verify: { image: 'node:24', retry: { exit: [75], times: 1, delay: 30s }, steps: [{ run: x }] }
`;

describe('WakeRuns on PostgreSQL', () => {
  let database: TestDatabase;
  let rows: PipelineRows;
  const clock = new LaterClock();
  let wake: WakeRuns;
  beforeAll(async () => {
    database = await testDatabase();
    rows = new PipelineRows(database);
    await rows.pool();
    const runs = new RunStore(clock satisfies Clock, new UuidV7(), new Outbox(new OutboxSignal()));
    wake = new WakeRuns(database.db, database.transactions, clock, runs);
  });
  afterAll(() => database.close());

  const wakeAt = async (runId: string) =>
    (await database.db.selectFrom('runs').select('wake_at').where('id', '=', runId).executeTakeFirstOrThrow()).wake_at;
  const fail = async (runId: string, exitCode: number) => {
    const [attempt] = await rows.attempts(runId);
    await database.transactions.run((unit) =>
      rows.runs.apply(unit, runId, {
        type: 'attempt-ended',
        jobKey: 'commit/verify',
        attemptId: attempt!.id,
        outcome: 'failed',
        exitCode,
      }),
    );
  };

  it('F70: queues the next attempt when the pause is over, once, though two replicas look', async () => {
    clock.seconds = 0;
    const runId = await rows.run(await rows.team(), PAUSED);
    await fail(runId, 75);
    expect(await rows.attempts(runId)).toHaveLength(1);
    expect(await wakeAt(runId)).not.toBeNull();
    await wake.sweep();
    expect(await rows.attempts(runId)).toHaveLength(1);
    clock.seconds = 31;
    await Promise.all([wake.sweep(), wake.sweep()]);
    expect((await rows.attempts(runId)).map(({ number, status }) => [number, status])).toEqual([
      [1, 'failed'],
      [2, 'queued'],
    ]);
  });

  it('ends a stage that has run out of time', async () => {
    clock.seconds = 0;
    const runId = await rows.run(await rows.team(), PAUSED);
    clock.seconds = 601;
    await wake.sweep();
    expect(await rows.stateOf(runId)).toMatchObject({ status: 'failed', reason: { code: 'stage-timeout' } });
    expect((await rows.attempts(runId)).map(({ status }) => status)).toEqual(['cancelled']);
    expect(await wakeAt(runId)).toBeNull();
    expect(await wake.sweep()).toBe(0);
  });

  it('a run that waits for no time is not looked at', async () => {
    clock.seconds = 0;
    const runId = await rows.run(await rows.team(), PAUSED.replace('  timeout: 10m\n', ''));
    expect(await wakeAt(runId)).toBeNull();
    await fail(runId, 1);
    expect(await rows.stateOf(runId)).toMatchObject({ status: 'failed' });
  });
});
