import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { armFailpoints } from '../../platform/failpoints/failpoints.ts';
import { ONE_JOB } from '../../testing/pipeline-rows.ts';
import { RunnerApp, type RunnerClient } from './testing/runner-app.ts';

let server: RunnerApp;
beforeAll(async () => {
  server = await RunnerApp.start();
});
afterAll(() => server.close());
beforeEach(() => server.database.empty());
afterEach(() => armFailpoints(undefined, undefined));

const LOG = Buffer.from('0123456789abcdef'.repeat(640 * 1024)); // 10 MiB: one segment and a live rest
const CHUNK = 3 * 1024 * 1024;

/** What a runner does: it repeats each call until it is answered, and goes on from what the server says it has. */
async function persistentRunner(runner: RunnerClient): Promise<string> {
  const insist = async <T extends { status: number }>(call: () => Promise<T>): Promise<T> => {
    for (let round = 0; round < 20; round += 1) {
      const answer = await call();
      if (answer.status < 500) return answer;
    }
    throw new Error('the server never answered');
  };
  const pollId = server.rows.ids.next();
  let lease: { attemptId: string; epoch: number } | null = null;
  for (let round = 0; lease === null && round < 10; round += 1) {
    lease = (await insist(() => runner.call('poll', { pollId, slots: 1, waitSeconds: 3, protocol: 1 }))).body
      .lease as typeof lease;
  }
  const { attemptId, epoch } = lease!;
  const on = (path: string, body: Record<string, unknown>) =>
    insist(() => runner.call(`attempts/${attemptId}/${path}`, { epoch, ...body }));
  expect((await on('start', {})).status).toBe(200);
  let at = 0;
  while (at < LOG.length)
    at = (await insist(() => runner.log(attemptId, `offset=${at}&epoch=${epoch}`, LOG.subarray(at, at + CHUNK)))).body
      .length as number;
  const step = {
    index: 0,
    name: 'true',
    status: 'passed',
    startedAt: null,
    finishedAt: null,
    exitCode: 0,
    logOffset: 0,
  };
  const log = { length: LOG.length, sha256: createHash('sha256').update(LOG).digest('hex'), truncated: false };
  expect((await on('result', { result: { outcome: 'passed', exitCode: 0, steps: [step], log } })).status).toBe(200);
  return attemptId;
}

/** Everything of the run that must be the same whatever went wrong on the way. */
async function outcome(): Promise<unknown> {
  const team = await server.rows.team();
  const pool = await server.rows.pool();
  const runId = await server.rows.run(team, ONE_JOB);
  const attemptId = await persistentRunner(await server.runner(pool));
  await expect
    .poll(async () => (await server.rows.attempt(attemptId)).log_sealed_at, { timeout: 10_000 })
    .not.toBeNull();
  await expect
    .poll(() => server.database.db.selectFrom('outbox').select('topic').execute(), { timeout: 15_000 })
    .toEqual([]);
  const attempts = await server.rows.attempts(runId);
  const events = await server.database.db
    .selectFrom('run_events')
    .select(['sequence', 'event'])
    .where('run_id', '=', runId)
    .orderBy('sequence')
    .execute();
  const pieces = await sql<{ bytes: number }>`
    select (select coalesce(sum(length(bytes)), 0) from log_chunks where attempt_id = ${attemptId})
         + (select coalesce(sum(length), 0) from log_segments where attempt_id = ${attemptId}) as bytes`.execute(
    server.database.db,
  );
  return {
    attempts: attempts.map(({ number, status, log_length, log_sha256, log_incomplete }) => ({
      number,
      status,
      log_length,
      log_sha256,
      log_incomplete,
    })),
    events: events.map(({ sequence, event }) => [sequence, event.type]),
    bytes: Number(pieces.rows[0]!.bytes),
    polls: await server.database.db.selectFrom('polls').select('id').execute(),
  };
}

describe('an error at any point leads to the same end', () => {
  it.each([
    'dispatch:before-commit',
    'dispatch:after-commit',
    'start-lease:before-commit',
    'run:before-commit',
    'append-log:before-commit',
    'append-log:after-commit',
    'store-segment:after-put',
    'store-segment:before-commit',
    'result:before-commit',
    'result:after-commit',
    'outbox:before-handler',
    'outbox:after-handler',
  ])('F03 F04 F05 F06 F07 F18 %s', async (name) => {
    const undisturbed = await outcome();
    await server.database.empty();
    // The run itself is made before: its creation is not this part's business.
    armFailpoints(`${name}=throw${name === 'run:before-commit' ? '@2' : ''}`, 'test');
    expect(await outcome()).toEqual(undisturbed);
    expect(undisturbed).toMatchObject({
      bytes: LOG.length,
      polls: [],
      attempts: [{ number: 1, status: 'passed', log_incomplete: false }],
    });
  });
});
