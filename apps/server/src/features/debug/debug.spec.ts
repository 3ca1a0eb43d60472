import { randomUUID } from 'node:crypto';
import { Kysely } from 'kysely';
import { eventually } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Transactions } from '../../platform/db/transactions.ts';
import { hashToken, newToken } from '../../platform/http/bearer-tokens.ts';
import { PipelineRows, type TestTeam } from '../../testing/pipeline-rows.ts';
import { testApp, type TestApp, type TestPerson } from '../../testing/test-app.ts';
import { DebugSettings } from './debug-settings.ts';
import { EndOverdue } from './end-overdue.ts';
import { KeptJobRows } from './kept-job-rows.ts';

const JOB = `
commit:
  jobs:
    unit: { image: "a:1", steps: [{ run: "false" }] }
`;
const SIZE = { columns: 80, rows: 24 };

let server: TestApp;
let rows: PipelineRows;
let team: TestTeam;
let developer: TestPerson;
let colleague: TestPerson;
let viewer: TestPerson;
let stranger: TestPerson;
let poolId: string;
let token: string;
let runnerId: string;

beforeAll(async () => {
  server = await testApp();
  rows = new PipelineRows(server.database);
  const admin = await server.setUp();
  team = await rows.team('shop');
  await server.call('POST', '/api/v1/teams', { as: admin, body: { slug: 'strangers', title: 'Strangers' } });
  stranger = await server.person(admin, 'stranger@example.com', [{ team: 'strangers', role: 'admin' }]);
  developer = await member(admin, 'dev@example.com', 'developer');
  colleague = await member(admin, 'colleague@example.com', 'developer');
  viewer = await member(admin, 'viewer@example.com', 'viewer');
  poolId = await rows.pool();
  ({ runnerId } = await rows.runner(poolId));
  token = newToken('slr_');
  await server.database.db
    .updateTable('runners')
    .set({ token_hash: hashToken(token) })
    .where('id', '=', runnerId)
    .execute();
});
afterAll(() => server.close());

async function member(admin: TestPerson, email: string, role: 'developer' | 'viewer'): Promise<TestPerson> {
  const person = await server.person(admin, email);
  await server.database.db
    .insertInto('memberships')
    .values({ team_id: team.teamId, user_id: person.userId, role })
    .execute();
  return person;
}

const person = (method: string, path: string, as: TestPerson, body?: object) =>
  server.call(method, `/api/v1${path}`, { as, ...(body ? { body } : {}) });
const runner = (attemptId: string, what: string, body: object = {}, as = token) =>
  server.call('POST', `/api/v1/runner/attempts/${attemptId}/${what}`, { as, body: { epoch: 1, ...body } });
const actions = async (attemptId: string) =>
  (
    await server.database.db
      .selectFrom('audit_entries')
      .select(['action', 'actor'])
      .where('subject', '=', `attempt:${attemptId}`)
      .orderBy('sequence')
      .execute()
  ).map(({ action, actor }) => `${action} ${(actor as { name: string }).name.replace(/ .*/, '')}`);

interface Failed {
  readonly runId: string;
  readonly attemptId: string;
}
/** A job that failed on the runner, in a run in which somebody asked to keep such. */
async function failedJob({ minutes = 5, trust = 'trusted', status = 'failed' } = {}): Promise<Failed> {
  const runId = await rows.run(team, JOB, trust as 'trusted');
  const attemptId = (await rows.attempts(runId))[0]!.id;
  const { db } = server.database;
  await db
    .updateTable('attempts')
    .set({ status: status as 'failed', epoch: 1, runner_id: runnerId, pool_id: poolId })
    .where('id', '=', attemptId)
    .execute();
  const by = JSON.stringify({ kind: 'user', userId: developer.userId, name: 'dev' });
  await db
    .updateTable('runs')
    .set({ keep_minutes: minutes === 0 ? null : minutes, keep_asked_by: by })
    .where('id', '=', runId)
    .execute();
  return { runId, attemptId };
}
async function keptJob(): Promise<Failed> {
  const failed = await failedJob();
  expect(await runner(failed.attemptId, 'keep')).toMatchObject({ status: 200, body: { seconds: 300 } });
  return failed;
}
async function opened(attemptId: string, as = developer): Promise<string> {
  const answer = await person('POST', `/attempts/${attemptId}/kept/shells`, as, SIZE);
  expect(answer.status).toBe(200);
  return answer.body.shellId;
}
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('keeping the container of a failed job', () => {
  it.each([
    ['nobody asked', { minutes: 0 }],
    ['A45 I24: the run is untrusted, whoever asked', { trust: 'untrusted' }],
    ['the job did not fail', { status: 'passed' }],
  ])('is not wanted where %s', async (_, how) => {
    const { attemptId } = await failedJob(how);
    expect(await runner(attemptId, 'keep')).toMatchObject({ status: 200, body: { seconds: 0 } });
    expect(await runner(attemptId, 'keep/orders', { after: 0, waitSeconds: 0 })).toMatchObject({ status: 409 });
  });

  it('asked again, gives what is left of the time, and never more than the installation allows', async () => {
    const { attemptId } = await failedJob({ minutes: 200 });
    expect((await runner(attemptId, 'keep')).body).toEqual({ seconds: 3600 });
    const again = await runner(attemptId, 'keep');
    expect(again.body.seconds).toBeGreaterThan(3500);
    expect(again.body.seconds).toBeLessThanOrEqual(3600);
    expect(await actions(attemptId)).toEqual(['debug.keep runner']);
  });

  it('A49 A50: is of the runner and the epoch that held the lease alone', async () => {
    const { attemptId } = await keptJob();
    const other = newToken('slr_');
    for (const pool of [poolId, await rows.pool()]) {
      const { runnerId: id } = await rows.runner(pool);
      await server.database.db
        .updateTable('runners')
        .set({ token_hash: hashToken(other) })
        .where('id', '=', id)
        .execute();
      const status = pool === poolId ? 409 : 404;
      expect(await runner(attemptId, 'keep', {}, other)).toMatchObject({ status });
      for (const [what, body] of [
        ['keep/orders', { after: 0, waitSeconds: 0 }],
        ['keep/output', { shellId: randomUUID(), offset: 0, data: '' }],
        ['keep/ended', { why: 'time' }],
      ] as const)
        expect(await runner(attemptId, what, body, other), what).toMatchObject({ status: 409 });
      await server.database.db.updateTable('runners').set({ token_hash: id }).where('id', '=', id).execute();
    }
    expect(await runner(attemptId, 'keep/orders', { epoch: 2, after: 0, waitSeconds: 0 })).toMatchObject({
      status: 409,
    });
    expect(await runner(attemptId, 'keep/ended', { epoch: 2, why: 'time' })).toMatchObject({ status: 409 });
  });

  it('shows itself to the team, with who asked, and to nobody else', async () => {
    const { runId, attemptId } = await keptJob();
    const seen = await person('GET', `/runs/${runId}/debug`, viewer);
    expect(seen.body).toMatchObject({
      mostMinutes: null,
      refusal: 'Keeping a container and opening a shell in it needs the role developer.',
      asked: { minutes: 5, by: { name: 'dev' } },
      kept: [{ attemptId, job: 'commit/unit', attempt: 1, endedAt: null, ended: null, shells: [] }],
    });
    expect((await person('GET', `/runs/${runId}/debug`, developer)).body).toMatchObject({
      mostMinutes: 60,
      refusal: null,
    });
    expect((await person('GET', `/runs/${runId}/debug`, stranger)).status).toBe(404);
  });
});

describe('a shell', () => {
  it('I27: goes from its opening to its end, each order handed out until it is confirmed, all on record', async () => {
    const { attemptId } = await keptJob();
    const waiting = runner(attemptId, 'keep/orders', { after: 0, waitSeconds: 20 });
    const shellId = await opened(attemptId);
    const open = { sequence: 1, shellId, order: { kind: 'open', ...SIZE } };
    // Told at once, not when the time of the poll is over.
    expect((await waiting).body).toEqual({ over: false, orders: [open] });
    await person('POST', `/shells/${shellId}/write`, developer, { text: 'ls\n' });
    await person('POST', `/shells/${shellId}/resize`, developer, { columns: 100, rows: 40 });
    const write = { sequence: 2, shellId, order: { kind: 'write', text: 'ls\n' } };
    const resize = { sequence: 3, shellId, order: { kind: 'resize', columns: 100, rows: 40 } };
    expect((await runner(attemptId, 'keep/orders', { after: 0, waitSeconds: 0 })).body.orders).toEqual([
      open,
      write,
      resize,
    ]);
    expect((await runner(attemptId, 'keep/orders', { after: 2, waitSeconds: 0 })).body.orders).toEqual([resize]);

    const say = (offset: number, text: string, more = {}) =>
      runner(attemptId, 'keep/output', { shellId, offset, data: base64(text), ...more });
    expect((await say(0, 'made.txt ')).body).toEqual({ taken: true });
    // A lost answer: the same bytes again, and new ones behind them.
    expect((await say(0, 'made.txt and more')).body).toEqual({ taken: true });
    expect(await say(99, 'gap')).toMatchObject({ status: 422 });
    const read = (from: number) => person('POST', `/shells/${shellId}/read`, developer, { from });
    expect((await read(0)).body).toMatchObject({
      from: 0,
      data: base64('made.txt and more'),
      length: 17,
      closedAt: null,
    });
    expect((await read(5)).body).toMatchObject({ from: 5, data: base64('txt and more') });
    expect((await read(17)).body).toMatchObject({ from: 17, data: '' });
    expect(await read(18)).toMatchObject({ status: 422 });
    await say(17, ' bye', { closed: 'The shell ended.' });
    expect((await read(17)).body).toMatchObject({ data: base64(' bye'), closed: 'The shell ended.' });
    expect(await person('POST', `/shells/${shellId}/write`, developer, { text: 'x' })).toMatchObject({
      status: 409,
      body: { error: { message: 'This shell is closed: The shell ended.' } },
    });
    expect(await runner(attemptId, 'keep/ended', { why: 'runner-stopped' })).toMatchObject({ status: 200 });
    expect(await runner(attemptId, 'keep/ended', { why: 'time' })).toMatchObject({ status: 200 });
    expect(await actions(attemptId)).toEqual([
      'debug.keep runner',
      'debug.open dev',
      'debug.close runner',
      'debug.end runner',
    ]);
    const { db } = server.database;
    expect(await db.selectFrom('shell_output').selectAll().where('shell_id', '=', shellId).execute()).toEqual([]);
    expect(await db.selectFrom('shell_orders').selectAll().where('attempt_id', '=', attemptId).execute()).toEqual([]);
  });

  it('A49: is opened by a developer of the team, and typed into and read by nobody but its opener', async () => {
    const { attemptId } = await keptJob();
    const shells = `/attempts/${attemptId}/kept/shells`;
    expect((await person('POST', shells, viewer, SIZE)).status).toBe(403);
    expect((await person('POST', shells, stranger, SIZE)).status).toBe(404);
    const shellId = await opened(attemptId);
    for (const [what, body] of [
      ['read', { from: 0 }],
      ['write', { text: 'x' }],
      ['resize', SIZE],
    ] as const) {
      expect(await person('POST', `/shells/${shellId}/${what}`, colleague, body), what).toMatchObject({
        status: 403,
        body: { error: { code: 'not-your-shell' } },
      });
      expect((await person('POST', `/shells/${shellId}/${what}`, viewer, body)).status, what).toBe(403);
      expect((await person('POST', `/shells/${shellId}/${what}`, stranger, body)).status, what).toBe(404);
    }
    expect((await person('POST', `/attempts/${attemptId}/kept/end`, viewer)).status).toBe(403);
    expect((await person('POST', `/attempts/${attemptId}/kept/end`, stranger)).status).toBe(404);
    expect((await person('POST', `/shells/${shellId}/close`, colleague)).status).toBe(200);
    expect((await runner(attemptId, 'keep/orders', { after: 1, waitSeconds: 0 })).body.orders).toMatchObject([
      { order: { kind: 'close' } },
    ]);
  });

  it('A81: of a person who is no developer any more takes no further letter and shows none', async () => {
    const { attemptId } = await keptJob();
    const shellId = await opened(attemptId);
    const { db } = server.database;
    const become = (role: 'developer' | 'viewer') =>
      db.updateTable('memberships').set({ role }).where('user_id', '=', developer.userId).execute();
    await become('viewer');
    expect((await person('POST', `/shells/${shellId}/write`, developer, { text: 'x' })).status).toBe(403);
    expect((await person('POST', `/shells/${shellId}/read`, developer, { from: 0 })).status).toBe(403);
    await become('developer');
  });

  it('is held up while nobody reads it, and keeps as much of what was read for a page that comes back', async () => {
    const { attemptId } = await keptJob();
    const shellId = await opened(attemptId);
    const piece = 'x'.repeat(32 * 1024);
    let offset = 0;
    const say = async () => {
      const { body } = await runner(attemptId, 'keep/output', { shellId, offset, data: base64(piece) });
      if (body.taken) offset += piece.length;
      return body.taken as boolean;
    };
    const read = (from: number) => person('POST', `/shells/${shellId}/read`, developer, { from });
    const { unreadBytes } = new DebugSettings();
    while (await say());
    expect(offset).toBe(unreadBytes);
    expect((await read(0)).body).toMatchObject({ from: 0, length: unreadBytes });
    // Looking is not reading: the next question says how far.
    expect(await say()).toBe(false);
    await read(offset);
    for (let more = 0; more < 20; more++) {
      expect(await say()).toBe(true);
      await read(offset);
    }
    const { total } = await server.database.db
      .selectFrom('shell_output')
      .select(({ fn }) => fn.countAll<number>().as('total'))
      .where('shell_id', '=', shellId)
      .executeTakeFirstOrThrow();
    expect(Number(total)).toBeLessThanOrEqual(unreadBytes / piece.length + 1);
    // What is gone is skipped, and said to be.
    expect((await read(0)).body.from).toBeGreaterThan(0);
  });

  it('has limits: shells in one container, and what is typed before the runner takes it', async () => {
    const { attemptId } = await keptJob();
    const shellId = await opened(attemptId);
    await opened(attemptId, colleague);
    expect(await person('POST', `/attempts/${attemptId}/kept/shells`, developer, SIZE)).toMatchObject({
      status: 409,
      body: { error: { code: 'too-many-shells' } },
    });
    const write = (text: string) => person('POST', `/shells/${shellId}/write`, developer, { text });
    expect((await write('x'.repeat(4097))).status).toBe(400);
    let last = await write('x');
    for (let typed = 0; typed < 200 && last.status === 200; typed++) last = await write('x');
    expect(last).toMatchObject({ status: 429, body: { error: { code: 'shell-behind' } } });
  });
});

const BY_SLUICE = ['debug.keep runner', 'debug.open dev', 'debug.close sluice', 'debug.end sluice'];

describe('the end', () => {
  const past = (attemptId: string, column: 'until' | 'heard_at') =>
    server.database.db
      .updateTable('kept_jobs')
      .set({ [column]: new Date(Date.now() - 120_000) })
      .where('attempt_id', '=', attemptId)
      .execute();
  const replica = (settings = new DebugSettings()) => {
    const { app } = server;
    return new EndOverdue(app.get(Kysely), app.get(Transactions), app.get(KeptJobRows, { strict: false }), settings);
  };
  const ended = async (runId: string) => (await person('GET', `/runs/${runId}/debug`, viewer)).body.kept;

  it('is asked for by a person: the runner that waits hears of it, and no shell opens any more', async () => {
    const { runId, attemptId } = await keptJob();
    const shellId = await opened(attemptId);
    const waiting = runner(attemptId, 'keep/orders', { after: 1, waitSeconds: 20 });
    expect((await person('POST', `/attempts/${attemptId}/kept/end`, colleague)).status).toBe(200);
    expect((await waiting).body).toEqual({ over: true, orders: [] });
    expect((await person('POST', `/attempts/${attemptId}/kept/end`, colleague)).status).toBe(200);
    expect(await person('POST', `/attempts/${attemptId}/kept/shells`, developer, SIZE)).toMatchObject({
      status: 409,
      body: { error: { code: 'not-kept' } },
    });
    expect((await person('GET', `/runs/${runId}/debug`, viewer)).body.kept).toMatchObject([
      { ended: 'colleague ended it.', shells: [{ id: shellId, closed: 'colleague ended it.' }] },
    ]);
    expect(await runner(attemptId, 'keep')).toMatchObject({ body: { seconds: 0 } });
  });

  it('comes by time also when the runner never speaks again', async () => {
    const { runId, attemptId } = await keptJob();
    await opened(attemptId);
    await past(attemptId, 'until');
    await Promise.all([replica().sweep(), replica().sweep()]);
    expect(await ended(runId)).toMatchObject([
      { ended: 'Its time was over.', shells: [{ closed: 'Its time was over.' }] },
    ]);
    expect(await actions(attemptId)).toEqual(BY_SLUICE);
    expect((await runner(attemptId, 'keep/orders', { after: 0, waitSeconds: 20 })).body.over).toBe(true);
    // What the runner makes of it changes nothing.
    expect(await runner(attemptId, 'keep/ended', { why: 'asked' })).toMatchObject({ status: 200 });
    expect(await ended(runId)).toMatchObject([{ ended: 'Its time was over.' }]);
  });

  it('is that of its time where the runner hears so first: it cannot tell that from a request', async () => {
    const { runId, attemptId } = await keptJob();
    await past(attemptId, 'until');
    expect(await runner(attemptId, 'keep/ended', { why: 'asked' })).toMatchObject({ status: 200 });
    expect(await ended(runId)).toMatchObject([{ ended: 'Its time was over.' }]);
  });

  it('F14: comes when its runner is silent, and never by a silence in which no server listened', async () => {
    const { runId, attemptId } = await keptJob();
    await opened(attemptId);
    await past(attemptId, 'heard_at');
    const settings = new DebugSettings({ silentSeconds: 0.2 });
    // One that has just been started, again and again, and one that stands still between two sweeps.
    const still = replica(new DebugSettings({ silentSeconds: 0.2, stillSeconds: 0 }));
    for (const begin = performance.now(); performance.now() < begin + 600;) {
      await replica(settings).sweep();
      await still.sweep();
    }
    expect(await ended(runId)).toMatchObject([{ ended: null, shells: [{ closed: null }] }]);
    const replicas = [replica(settings), replica(settings)];
    await eventually(
      async () => {
        await Promise.all(replicas.map((one) => one.sweep()));
        return (await ended(runId))[0].ended !== null;
      },
      { timeoutMs: 15_000, describe: 'the end by silence' },
    );
    const why = expect.stringMatching(
      /^Its runner was not heard for [\d.]+ s: it was restarted or is gone, and the container with it\.$/,
    );
    expect(await ended(runId)).toMatchObject([{ ended: why, shells: [{ closed: why }] }]);
    expect(await actions(attemptId)).toEqual(BY_SLUICE);
    expect((await runner(attemptId, 'keep/orders', { after: 0, waitSeconds: 20 })).body.over).toBe(true);
  });

  it('holds from its time on, before anybody has written it down', async () => {
    const { runId, attemptId } = await keptJob();
    const shellId = await opened(attemptId);
    await past(attemptId, 'until');
    expect((await person('POST', `/attempts/${attemptId}/kept/shells`, developer, SIZE)).status).toBe(409);
    expect((await person('POST', `/shells/${shellId}/write`, developer, { text: 'x' })).status).toBe(409);
    expect((await person('GET', `/runs/${runId}/debug`, viewer)).body.kept[0].ended).toBe('Its time was over.');
  });

  it('of a shell comes when nothing was typed for long; the container is kept on', async () => {
    const { runId, attemptId } = await keptJob();
    await opened(attemptId);
    await server.database.db
      .updateTable('debug_shells')
      .set({ used_at: new Date(Date.now() - 16 * 60_000) })
      .where('attempt_id', '=', attemptId)
      .execute();
    await replica().sweep();
    expect((await person('GET', `/runs/${runId}/debug`, viewer)).body.kept).toMatchObject([
      { ended: null, shells: [{ closed: 'Nothing was typed for 15 minutes.' }] },
    ]);
  });
});
