import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { eventually } from '@sluice/testing';
import { databaseNow } from '../../platform/db/database.ts';
import { hashToken, newToken } from '../../platform/http/bearer-tokens.ts';
import { ONE_JOB, type TestTeam } from '../../testing/pipeline-rows.ts';
import { RunnerApp, type RunnerClient } from './testing/runner-app.ts';

let server: RunnerApp;
let team: TestTeam;
let pool: string;
let runner: RunnerClient;

beforeAll(async () => {
  server = await RunnerApp.start();
});
afterAll(() => server.close());
beforeEach(async () => {
  await server.database.empty();
  team = await server.rows.team();
  pool = await server.rows.pool();
  runner = await server.runner(pool);
});

const pollBody = (more: Record<string, unknown> = {}) => ({
  pollId: server.rows.ids.next(),
  slots: 1,
  waitSeconds: 5,
  protocol: 1,
  ...more,
});
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const step = (more: Record<string, unknown> = {}) => ({
  index: 0,
  name: 'true',
  status: 'passed',
  startedAt: '2026-01-01T00:00:00Z',
  finishedAt: '2026-01-01T00:00:01Z',
  exitCode: 0,
  logOffset: 0,
  ...more,
});
const result = (more: Record<string, unknown> = {}, log = '') => ({
  outcome: 'passed',
  exitCode: 0,
  steps: [step()],
  log: { length: Buffer.byteLength(log), sha256: sha256(log), truncated: false },
  ...more,
});
/** A leased and started attempt. */
async function started(): Promise<{ runId: string; attemptId: string; epoch: number }> {
  const runId = await server.rows.run(team, ONE_JOB);
  const { body } = await runner.call('poll', pollBody());
  const { attemptId, epoch } = body.lease as { attemptId: string; epoch: number };
  expect((await runner.call(`attempts/${attemptId}/start`, { epoch })).status).toBe(200);
  return { runId, attemptId, epoch };
}
const auditOf = async (attemptId: string) =>
  (
    await server.database.db
      .selectFrom('audit_entries')
      .select('action')
      .where('subject', '=', `attempt:${attemptId}`)
      .execute()
  ).map(({ action }) => action);
const eventsOf = async (runId: string, type: string) =>
  (await server.database.db.selectFrom('run_events').select('event').where('run_id', '=', runId).execute()).filter(
    ({ event }) => event.type === type,
  ).length;

describe('registration', () => {
  const issue = async (minutes = 15) => {
    const token = newToken('slg_');
    await server.database.db
      .insertInto('runner_registration_tokens')
      .values({
        id: server.rows.ids.next(),
        pool_id: pool,
        token_hash: hashToken(token),
        created_by: 'Ann',
        expires_at: sql<Date>`now() + make_interval(mins => ${minutes})`,
      })
      .execute();
    return token;
  };
  const register = (token: string, more: Record<string, unknown> = {}) =>
    server.client('none').call('register', { token, name: 'r1', protocol: 1, version: '0.1.0', ...more });

  it('A48 gives a runner token once per registration token, also when two race', async () => {
    const token = await issue();
    const answers = await Promise.all([register(token), register(token), register(token)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401, 401]);
    const { body } = answers.find(({ status }) => status === 200)!;
    const registered = server.client(body.token as string, body.runnerId as string, pool);
    expect((await registered.call('poll', pollBody({ waitSeconds: 0 }))).body).toEqual({ lease: null });
    expect((await register(token)).status).toBe(401);
  });

  it('A48 refuses an expired or invented token', async () => {
    expect((await register(await issue(-1))).status).toBe(401);
    expect((await register('slg_invented')).status).toBe(401);
  });

  it('A57 refuses another protocol version with 426 and names the accepted ones', async () => {
    const answer = await register(await issue(), { protocol: 7 });
    expect(answer).toMatchObject({ status: 426, body: { accepted: [1], error: { code: 'protocol-version' } } });
    expect((await runner.call('poll', pollBody({ protocol: 0 }))).status).toBe(426);
  });
});

describe('a runner in trouble', () => {
  it('F41 says why it takes no work, gets none, and is well again with its next poll', async () => {
    await server.rows.run(team, ONE_JOB);
    const trouble = 'The disk is full.';
    const { body } = await runner.call('poll', pollBody({ draining: true, trouble }));
    expect(body.lease).toBeNull();
    const row = () =>
      server.database.db
        .selectFrom('runners')
        .select(['draining', 'trouble'])
        .where('id', '=', runner.runnerId)
        .executeTakeFirstOrThrow();
    expect(await row()).toEqual({ draining: true, trouble });
    expect((await runner.call('poll', pollBody({ trouble: 'x'.repeat(301) }))).status).toBe(400);
    expect((await runner.call('poll', pollBody())).body.lease).not.toBeNull();
    expect(await row()).toEqual({ draining: false, trouble: null });
  });
});

describe('a flood of polls', () => {
  it('A56 at once is answered 429 with Retry-After beyond what the slots call for, and then the runner is served as before', async () => {
    const waiting = () =>
      server.database.db.selectFrom('polls').select('id').where('runner_id', '=', runner.runnerId).execute();
    let most = 0;
    let isOver = false;
    const flood = Promise.all(Array.from({ length: 300 }, () => runner.call('poll', pollBody({ waitSeconds: 1 }))));
    void flood.finally(() => (isOver = true)).catch(() => undefined);
    while (!isOver) most = Math.max(most, (await waiting()).length);
    const answers = await flood;
    const refused = answers.filter(({ status }) => status === 429);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
    expect(new Set(refused.map(({ headers }) => headers.get('retry-after')))).toEqual(new Set(['1']));
    expect(refused.length).toBeGreaterThan(190);
    expect(most).toBeLessThanOrEqual(6);
    await server.rows.run(team, ONE_JOB);
    const served = await eventually(
      async () => {
        const { status, body } = await runner.call('poll', pollBody());
        return status === 200 ? body : undefined;
      },
      { everyMs: 100 },
    );
    expect(served.lease).not.toBeNull();
  });
});

describe('the clock of a runner', () => {
  it.each([2, -2])('F24 %s hours off decides nothing: its times are kept as it says them', async (hours) => {
    const off = (seconds: number) => new Date(Date.now() + hours * 3_600_000 + seconds * 1_000).toISOString();
    const { runId, attemptId, epoch } = await started();
    const steps = [step({ startedAt: off(0), finishedAt: off(1) })];
    expect((await runner.call(`attempts/${attemptId}/steps`, { epoch, steps })).status).toBe(200);
    const { body } = await runner.call(`attempts/${attemptId}/renew`, { epoch });
    expect((await runner.call(`attempts/${attemptId}/result`, { epoch, result: result({ steps }) })).status).toBe(200);
    const now = (await databaseNow(server.database.db)).getTime();
    const row = await server.rows.attempt(attemptId);
    const events = await server.database.db
      .selectFrom('run_events')
      .select('at')
      .where('run_id', '=', runId)
      .orderBy('sequence')
      .execute();
    const times = [row.queued_at, row.leased_at, row.started_at, row.finished_at, ...events.map(({ at }) => at)];
    for (const time of times) expect(Math.abs(time!.getTime() - now)).toBeLessThan(60_000);
    expect(Math.abs(Date.parse(body.expiresAt as string) - now)).toBeLessThan(120_000);
    expect(row.started_at!.getTime()).toBeLessThanOrEqual(row.finished_at!.getTime());
    expect(row).toMatchObject({ status: 'passed', steps });
  });
});

describe('after a restart of the runner', () => {
  it('F13 gives the lease that it holds once more and renews it, with the length of the log as it is stored', async () => {
    const { attemptId, epoch } = await started();
    await runner.log(attemptId, `offset=0&epoch=${epoch}`, 'half');
    await sql`update attempts set expires_at = now() + interval '1 second' where id = ${attemptId}`.execute(
      server.database.db,
    );
    const { status, body } = await runner.call(`attempts/${attemptId}/resume`, { epoch });
    expect(status).toBe(200);
    expect(body.lease).toMatchObject({ attemptId, epoch, work: { kind: 'steps' }, log: { length: 4 } });
    const left = (await server.rows.attempt(attemptId)).expires_at!.getTime() - Date.now();
    expect(left).toBeGreaterThan(30_000);
  });

  it('I06 A49 refuses an older epoch, an ended attempt, another runner and another pool', async () => {
    const { attemptId, epoch } = await started();
    const path = `attempts/${attemptId}/resume`;
    expect((await runner.call(path, { epoch: epoch + 1 })).status).toBe(409);
    const neighbour = await server.runner(pool);
    expect((await neighbour.call(path, { epoch })).body).toMatchObject({ data: { code: 'lease-lost' } });
    const stranger = await server.runner(await server.rows.pool());
    expect((await stranger.call(path, { epoch })).status).toBe(404);
    expect((await runner.call(`attempts/${attemptId}/result`, { epoch, result: result() })).status).toBe(200);
    expect((await runner.call(path, { epoch })).status).toBe(409);
  });
});

describe('who may call', () => {
  it('A47 nobody without a live runner token', async () => {
    for (const token of ['', 'slr_wrong', 'slt_user'])
      expect((await server.client(token).call('poll', pollBody())).status).toBe(401);
    await server.database.db
      .updateTable('runners')
      .set({ removed_at: new Date() })
      .where('id', '=', runner.runnerId)
      .execute();
    expect((await runner.call('poll', pollBody())).status).toBe(401);
  });

  it('A49 A50 a runner of another pool does not learn that an attempt exists', async () => {
    const { attemptId, epoch } = await started();
    const stranger = await server.runner(await server.rows.pool());
    for (const path of ['start', 'renew'])
      expect((await stranger.call(`attempts/${attemptId}/${path}`, { epoch })).status).toBe(404);
    expect((await stranger.call(`attempts/${attemptId}/result`, { epoch, result: result() })).status).toBe(404);
    expect(
      (await stranger.call(`attempts/${attemptId}/reports`, { epoch, file: 'a.xml', xml: '<testsuite/>' })).status,
    ).toBe(404);
    expect((await stranger.log(attemptId, `offset=0&epoch=${epoch}`, 'x')).status).toBe(404);
    expect((await server.rows.attempt(attemptId)).status).toBe('running');
  });

  it('A51 another runner of the pool, or a stale epoch, is told that the lease is lost', async () => {
    const { attemptId, epoch } = await started();
    const colleague = await server.runner(pool);
    for (const [who, at] of [
      [colleague, epoch],
      [runner, epoch + 1],
    ] as const) {
      for (const path of ['start', 'renew']) {
        expect(await who.call(`attempts/${attemptId}/${path}`, { epoch: at })).toMatchObject({
          status: 409,
          body: { data: { code: 'lease-lost' } },
        });
      }
      expect((await who.call(`attempts/${attemptId}/steps`, { epoch: at, steps: [step()] })).status).toBe(409);
      expect((await who.log(attemptId, `offset=0&epoch=${at}`, 'x')).status).toBe(409);
    }
  });
});

describe('a lease over the wire', () => {
  it('goes to a waiting poll through outbox and queue as soon as the run is made', async () => {
    const polled = runner.call('poll', pollBody({ waitSeconds: 20 }));
    await eventually(async () => (await server.database.db.selectFrom('polls').select('id').execute()).length === 1);
    const runId = await server.rows.run(team, ONE_JOB);
    const { status, body } = await polled;
    expect(status).toBe(200);
    expect(body.lease.run.id).toBe(runId);
  });

  it('F18 start, renew and steps may be repeated', async () => {
    const { runId, attemptId, epoch } = await started();
    expect((await runner.call(`attempts/${attemptId}/start`, { epoch })).status).toBe(200);
    for (let round = 0; round < 2; round += 1) {
      expect(await runner.call(`attempts/${attemptId}/renew`, { epoch })).toMatchObject({
        status: 200,
        body: { cancel: false },
      });
      expect(
        (
          await runner.call(`attempts/${attemptId}/steps`, {
            epoch,
            steps: [step({ status: 'running', exitCode: null })],
          })
        ).status,
      ).toBe(200);
    }
    expect(await eventsOf(runId, 'attempt-started')).toBe(1);
    expect((await server.rows.attempt(attemptId)).steps).toMatchObject([{ status: 'running' }]);
  });

  it('F61 a runner hears of a cancel with its next renewal', async () => {
    const { runId, attemptId, epoch } = await started();
    await server.database.transactions.run((unit) =>
      server.rows.runs.apply(unit, runId, { type: 'cancel', by: { kind: 'user', name: 'Ann' } }),
    );
    expect((await runner.call(`attempts/${attemptId}/renew`, { epoch })).body.cancel).toBe(true);
    expect(
      (
        await runner.call(`attempts/${attemptId}/result`, {
          epoch,
          result: result({ outcome: 'cancelled', steps: [] }),
        })
      ).status,
    ).toBe(200);
    expect((await server.rows.stateOf(runId)).status).toBe('cancelled');
  });

  it('a connection that is cut gives its poll up at once, and what was granted on it goes to the next', async () => {
    const cut = new AbortController();
    const polled = runner.call('poll', pollBody({ waitSeconds: 50 }), cut.signal).catch(() => 'cut');
    await eventually(async () => (await server.database.db.selectFrom('polls').select('id').execute()).length === 1);
    cut.abort();
    expect(await polled).toBe('cut');
    await eventually(async () => (await server.database.db.selectFrom('polls').select('id').execute()).length === 0, {
      describe: 'the end of the poll',
    });
    const runId = await server.rows.run(team, ONE_JOB);
    expect((await runner.call('poll', pollBody())).body.lease.run.id).toBe(runId);
  });
});

describe('results', () => {
  it('F07 F20 the same result again gets the same answer and changes nothing', async () => {
    const { runId, attemptId, epoch } = await started();
    const send = (body = result()) => runner.call(`attempts/${attemptId}/result`, { epoch, result: body });
    const answers = await Promise.all([send(), send(), send()]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await send()).body).toEqual({ ok: true });
    expect(await eventsOf(runId, 'attempt-ended')).toBe(1);
    expect((await server.rows.stateOf(runId)).status).toBe('passed');
  });

  it('F21 another result is a conflict; the first stands and the second is on record', async () => {
    const { runId, attemptId, epoch } = await started();
    await runner.call(`attempts/${attemptId}/result`, { epoch, result: result() });
    const second = await runner.call(`attempts/${attemptId}/result`, {
      epoch,
      result: result({ outcome: 'failed', exitCode: 1 }),
    });
    expect(second).toMatchObject({ status: 409, body: { data: { code: 'result-conflict' } } });
    expect((await server.rows.stateOf(runId)).status).toBe('passed');
    expect(await auditOf(attemptId)).toEqual(['attempt.result-conflict']);
  });

  it('F15 F17 I06 a result after the lease was taken back is refused, kept as evidence and never applied', async () => {
    const { runId, attemptId, epoch } = await started();
    await server.database.db
      .updateTable('attempts')
      .set({ expires_at: sql<Date>`now() - interval '1 second'` })
      .where('id', '=', attemptId)
      .execute();
    await eventually(async () => (await server.rows.attempt(attemptId)).status === 'lost', {
      timeoutMs: 15_000,
      describe: 'the sweep',
    });
    const late = await runner.call(`attempts/${attemptId}/result`, { epoch, result: result() });
    expect(late).toMatchObject({ status: 409, body: { data: { code: 'lease-lost' } } });
    expect(await server.rows.attempt(attemptId)).toMatchObject({ status: 'lost', epoch: epoch + 1, result: null });
    expect(await auditOf(attemptId)).toEqual(['attempt.late-result']);
    expect(await eventsOf(runId, 'attempt-ended')).toBe(1);
  });

  it('F17 a result past the end of the lease counts as long as nobody took it back', async () => {
    const { runId, attemptId, epoch } = await started();
    await server.database.db
      .updateTable('attempts')
      .set({ expires_at: sql<Date>`now() - interval '1 millisecond'` })
      .where('id', '=', attemptId)
      .execute();
    const { status } = await runner.call(`attempts/${attemptId}/result`, { epoch, result: result() });
    const state = await server.rows.stateOf(runId);
    // The sweep may have been faster by chance; what must never happen is a mix of both.
    expect([status, state.status]).toEqual(status === 200 ? [200, 'passed'] : [409, 'queued']);
  });

  it('F60 a result that races a cancel ends in exactly one of the two', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { runId, attemptId, epoch } = await started();
      await Promise.all([
        runner.call(`attempts/${attemptId}/result`, { epoch, result: result() }),
        server.database.transactions.run((unit) =>
          server.rows.runs.apply(unit, runId, { type: 'cancel', by: { kind: 'user', name: 'Ann' } }),
        ),
      ]);
      const state = await server.rows.stateOf(runId);
      expect(['passed', 'cancelled']).toContain(state.status);
      expect(await eventsOf(runId, 'run-ended')).toBe(1);
      expect((await server.rows.attempt(attemptId)).status).toBe(state.status);
    }
  });

  it.each([
    ['exit code 256', { exitCode: 256 }, 400],
    ['an exit code as text', { exitCode: '0' }, 400],
    ['passed with exit code 1', { exitCode: 1 }, 422],
    ['passed without its steps', { steps: [] }, 422],
    ['passed with another step than the planned one', { steps: [step({ index: 7 })] }, 422],
    ['passed with a failed step', { steps: [step({ status: 'failed', exitCode: 1 })] }, 422],
    ['an outcome of our own invention', { outcome: 'lost' }, 400],
    [
      'A92 an image that the job was not to push',
      { image: { repository: 'evil.example/x', digest: `sha256:${'e'.repeat(64)}` } },
      422,
    ],
  ])('A55 refuses %s', async (_, more, expected) => {
    const { runId, attemptId, epoch } = await started();
    expect((await runner.call(`attempts/${attemptId}/result`, { epoch, result: result(more) })).status).toBe(expected);
    expect((await server.rows.stateOf(runId)).status).toBe('running');
  });
});

describe('logs over the wire', () => {
  it('F22 takes the last bytes after the result and seals then', async () => {
    const { attemptId, epoch } = await started();
    expect((await runner.log(attemptId, `offset=0&epoch=${epoch}`, 'hello ')).body).toEqual({ length: 6 });
    await runner.call(`attempts/${attemptId}/result`, { epoch, result: result({}, 'hello world') });
    expect((await server.rows.attempt(attemptId)).log_sealed_at).toBeNull();
    expect((await runner.log(attemptId, `offset=6&epoch=${epoch}`, 'world')).body).toEqual({ length: 11 });
    expect(await server.rows.attempt(attemptId)).toMatchObject({
      log_incomplete: false,
      log_sha256: sha256('hello world'),
      log_sealed_at: expect.any(Date),
    });
  });

  it('F23 a gap answers 416 with the length to go on from', async () => {
    const { attemptId, epoch } = await started();
    await runner.log(attemptId, `offset=0&epoch=${epoch}`, 'abc');
    expect(await runner.log(attemptId, `offset=9&epoch=${epoch}`, 'x')).toMatchObject({
      status: 416,
      body: { length: 3, error: { code: 'log-gap' } },
    });
    expect(await runner.log(attemptId, `offset=1&epoch=${epoch}`, 'XX')).toMatchObject({
      status: 409,
      body: { error: { code: 'log-conflict' } },
    });
  });

  it.each([
    ['offset=-1&epoch=1', 400],
    ['offset=NaN&epoch=1', 400],
    ['offset=9007199254740992&epoch=1', 400],
    ['offset=1.5&epoch=1', 400],
    ['offset=0&offset=1&epoch=1', 400],
    ['epoch=1', 400],
    ['offset=0', 400],
  ])('A54 refuses %s', async (query, status) => {
    const { attemptId } = await started();
    expect((await runner.log(attemptId, query, 'x')).status).toBe(status);
  });

  it('A54 refuses other content types, and more than 4 MiB', async () => {
    const { attemptId, epoch } = await started();
    const query = `offset=0&epoch=${epoch}`;
    expect((await runner.log(attemptId, query, '{}', 'application/json')).status).toBe(415);
    expect((await runner.log(attemptId, query, 'x', 'text/plain')).status).toBe(415);
    expect((await runner.log(attemptId, query, Buffer.alloc(4 * 1024 * 1024 + 1))).status).toBe(413);
    expect((await runner.log(attemptId, query, Buffer.alloc(17 * 1024 * 1024))).status).toBe(413);
    expect((await runner.log(attemptId, query, Buffer.alloc(4 * 1024 * 1024))).body).toEqual({
      length: 4 * 1024 * 1024,
    });
  });
});

describe('reports', () => {
  it('stores test cases once, however often the file is sent', async () => {
    const { attemptId, epoch } = await started();
    const xml =
      '<testsuite name="s"><testcase name="a" time="0.5"/><testcase name="b"><failure message="no">at b.ts:1</failure></testcase></testsuite>';
    const send = () => runner.call(`attempts/${attemptId}/reports`, { epoch, file: 'reports/a.xml', xml });
    expect((await send()).body).toEqual({ passed: 1, failed: 1, skipped: 0 });
    expect((await send()).body).toEqual({ passed: 1, failed: 1, skipped: 0 });
    const cases = await server.database.db
      .selectFrom('test_cases')
      .select(['name', 'status', 'message'])
      .where('attempt_id', '=', attemptId)
      .orderBy('ordinal')
      .execute();
    expect(cases).toEqual([
      { name: 'a', status: 'passed', message: null },
      { name: 'b', status: 'failed', message: 'no\nat b.ts:1' },
    ]);
  });

  it('refuses a file that is no report with 422 naming it', async () => {
    const { attemptId, epoch } = await started();
    const answer = await runner.call(`attempts/${attemptId}/reports`, { epoch, file: 'x.xml', xml: '<html></html>' });
    expect(answer).toMatchObject({ status: 422, body: { error: { message: expect.stringContaining('x.xml') } } });
  });
});
