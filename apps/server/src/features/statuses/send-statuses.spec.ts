import { Logger } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, startFakeForge, type FakeForge } from '@sluice/testing';
import { UuidV7 } from '../../platform/clock/system-clock.ts';
import { json } from '../../platform/db/database.ts';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import type { CommitStatuses, SendOutcome, StatusReport } from '../../platform/forge/commit-statuses.port.ts';
import { ForgeHttp } from '../../platform/forge/forge-http.ts';
import { GithubStatuses } from '../../platform/forge/github-statuses.ts';
import { PublicOrigin } from '../../platform/http/public-origin.ts';
import type { OutboxMessages } from '../../platform/outbox/messages.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { OutboxSignal } from '../../platform/outbox/outbox-signal.ts';
import { PipelineRows, type TestTeam } from '../../testing/pipeline-rows.ts';
import { Sealer } from '../secrets/index.ts';
import { NoteStatuses } from './note-statuses.ts';
import { SendSettings } from './send-settings.ts';
import { SendStatuses } from './send-statuses.ts';
import { StatusForges, StatusTargets, statusTokenPlace } from './status-target.ts';

const COMMIT = 'a'.repeat(40);
const STAGES = 'commit: { jobs: { unit: { image: "node:24", steps: [{ run: npm test }] } } }\n';
const sealer = new Sealer(Buffer.alloc(32, 9));
let database: TestDatabase;
let rows: PipelineRows;
let forge: FakeForge;
let team: TestTeam;
const started: SendStatuses[] = [];

beforeAll(async () => {
  Logger.overrideLogger(false);
  database = await testDatabase();
  rows = new PipelineRows(database);
});
afterAll(() => database.close());
beforeEach(async () => {
  forge = await startFakeForge();
  team = await rows.team();
  await database.db.deleteFrom('outbox').execute();
  await database.db
    .updateTable('repositories')
    .set({
      statuses: json({ forge: 'github', apiUrl: forge.apiUrl('github'), repository: 'shop/shop' }),
      statuses_token_sealed: sealer.seal(forge.token, statusTokenPlace(team.repositoryId)),
    })
    .where('id', '=', team.repositoryId)
    .execute();
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((one) => one.stop()));
  await forge.stop();
});

/** A replica: `through` stands between it and the forge. */
function replica(
  settings: Partial<SendSettings> = {},
  through: (inner: CommitStatuses) => CommitStatuses = (inner) => inner,
) {
  const adapter = through(new GithubStatuses(new ForgeHttp({ allowedOrigins: [forge.origin], deadlineMs: 500 })));
  const send = new SendStatuses(
    database.db,
    database.transactions,
    new UuidV7(),
    new Outbox(new OutboxSignal()),
    new PublicOrigin('https://sluice.example.com'),
    new StatusTargets(sealer),
    new StatusForges([adapter]),
    new SendSettings({ sweepMs: 20, pauseMs: 20, ...settings }),
  );
  started.push(send);
  send.start();
  return { send, note: new NoteStatuses(database.transactions, send) };
}

/** Carries out the messages that wait, as the relay does. */
async function relay(note: NoteStatuses): Promise<void> {
  const waiting = await database.db
    .deleteFrom('outbox')
    .where('topic', '=', 'report-status')
    .returning('payload')
    .execute();
  await note.note(waiting.map(({ payload }) => payload as OutboxMessages['report-status']));
}

const row = () =>
  database.db.selectFrom('commit_statuses').selectAll().where('service_id', '=', team.serviceId).executeTakeFirst();
const atRest = () =>
  eventually(async () => {
    const found = await row();
    return found?.due_at === null && found.claim === null ? found : undefined;
  });
const context = () => `sluice/${team.slug}`;
const cancel = (runId: string) =>
  database.transactions.run((unit) =>
    rows.runs.apply(unit, runId, { type: 'cancel', by: { kind: 'system', name: 'spec' } }),
  );

describe('telling a forge', () => {
  it('I32: what a forge shows at rest is the state of the run, by its newest one', async () => {
    const { note } = replica();
    const runId = await rows.run(team, STAGES);
    await relay(note);
    expect(await atRest()).toMatchObject({ sent: { state: 'queued', runId }, error: null, given_up_at: null });
    await cancel(runId);
    await relay(note);
    expect(await atRest()).toMatchObject({ sent: { state: 'cancelled', runId } });
    const again = await rows.run(team, STAGES);
    await relay(note);
    expect(await atRest()).toMatchObject({ sent: { state: 'queued', runId: again } });
    expect(forge.history.map(({ state, description, url }) => ({ state, description, url }))).toEqual([
      {
        state: 'pending',
        description: 'Run #1 is queued',
        url: `https://sluice.example.com/services/${team.slug}/runs/1`,
      },
      expect.objectContaining({ state: 'error', description: expect.stringMatching(/^Run #1 cancelled/) }),
      expect.objectContaining({ state: 'pending', description: 'Run #2 is queued' }),
    ]);
    expect(forge.refusals).toEqual([]);
  });

  it('tells of a service that is not affected that nothing stands against the change; a run counts for more', async () => {
    const { note } = replica();
    const told = {
      serviceId: team.serviceId,
      commit: COMMIT,
      ref: 'refs/heads/main',
      notAffected: 'no changed path matches libs/**',
    };
    await note.note([told]);
    await atRest();
    expect(forge.shown(COMMIT, context())).toMatchObject({
      state: 'success',
      description: 'Not affected: no changed path matches libs/**',
      url: `https://sluice.example.com/services/${team.slug}`,
    });
    await rows.run(team, STAGES);
    await relay(note);
    await note.note([told]);
    await atRest();
    expect(forge.shown(COMMIT, context())).toMatchObject({ state: 'pending', description: 'Run #1 is queued' });
  });

  it('tells nothing where the repository reports to nobody', async () => {
    await database.db.updateTable('repositories').set({ statuses: null }).where('id', '=', team.repositoryId).execute();
    const { note } = replica();
    await rows.run(team, STAGES);
    await relay(note);
    expect(await row()).toBeUndefined();
    expect(forge.requests).toBe(0);
  });

  it('F66: tries again with pauses while the forge is down, and tells only the newest state when it is back', async () => {
    forge.fault({ status: 503, body: { message: 'maintenance' } });
    const { note } = replica();
    const runId = await rows.run(team, STAGES);
    await relay(note);
    await eventually(() => forge.requests >= 3);
    expect(await row()).toMatchObject({ error: 'The forge answered 503: maintenance.', sent: null });
    await cancel(runId);
    await relay(note);
    // One that was under way may have been of the state before; those after it are not.
    const before = forge.requests;
    await eventually(() => forge.requests >= before + 2);
    forge.fault(undefined);
    expect(await atRest()).toMatchObject({ sent: { state: 'cancelled' }, error: null, failing_since: null });
    expect(forge.history).toHaveLength(1);
  });

  it('F66: waits as long as the forge asks, even when there is news meanwhile', async () => {
    forge.fault({ status: 429, body: {}, headers: { 'retry-after': '600' } });
    const { note, send } = replica();
    const runId = await rows.run(team, STAGES);
    await relay(note);
    const waiting = await eventually(async () => {
      const found = await row();
      return typeof found?.error === 'string' ? found : undefined;
    });
    expect(waiting.due_at!.getTime() - Date.now()).toBeGreaterThan(500_000);
    await cancel(runId);
    await relay(note);
    send.look();
    expect((await row())!.due_at).toEqual(waiting.due_at);
    expect(forge.requests).toBe(1);
  });

  it('F66: gives a forge up after the deadline, says so, and takes it up again with the next news', async () => {
    forge.fault('reset');
    const { note } = replica({ deadlineMs: 100 });
    const runId = await rows.run(team, STAGES);
    await relay(note);
    expect(await atRest()).toMatchObject({
      given_up_at: expect.any(Date),
      error: expect.stringMatching(/could not be reached/),
      sent: null,
    });
    forge.fault(undefined);
    await cancel(runId);
    await relay(note);
    expect(await atRest()).toMatchObject({ given_up_at: null, error: null, sent: { state: 'cancelled' } });
  });

  it('gives up soon when the forge says no', async () => {
    await database.db
      .updateTable('repositories')
      .set({ statuses_token_sealed: sealer.seal('wrong', statusTokenPlace(team.repositoryId)) })
      .where('id', '=', team.repositoryId)
      .execute();
    const { note } = replica();
    await rows.run(team, STAGES);
    await relay(note);
    expect(await atRest()).toMatchObject({ given_up_at: expect.any(Date), error: expect.stringMatching(/401.*token/) });
    expect(forge.requests).toBe(3);
  });

  it('a repository whose forge hangs does not hold up another', async () => {
    const other = await rows.team();
    await database.db
      .updateTable('repositories')
      .set({
        statuses: json({ forge: 'github', apiUrl: 'http://127.0.0.1:1/api/v3', repository: 'a/b' }),
        statuses_token_sealed: sealer.seal('x', statusTokenPlace(other.repositoryId)),
      })
      .where('id', '=', other.repositoryId)
      .execute();
    const hanging = Promise.withResolvers<SendOutcome>();
    const { note } = replica({}, (inner) => ({
      forge: 'github',
      send: (place, report) => (place.repository === 'a/b' ? hanging.promise : inner.send(place, report)),
    }));
    await rows.run(other, STAGES);
    await rows.run(team, STAGES);
    await relay(note);
    await atRest();
    expect(forge.shown(COMMIT, context())).toBeDefined();
    hanging.resolve({ kind: 'sent' });
  });

  it('I32: a replica that was stopped in the middle of an old word does not have the last one', async () => {
    const held = Promise.withResolvers<void>();
    const inHand = Promise.withResolvers<void>();
    const said: string[] = [];
    const slow = (inner: CommitStatuses): CommitStatuses => ({
      forge: 'github',
      send: async (place, report: StatusReport) => {
        inHand.resolve();
        await held.promise;
        said.push(`slow ${report.state}`);
        return inner.send(place, report);
      },
    });
    const first = replica({ claimMs: 100 }, slow);
    const runId = await rows.run(team, STAGES);
    await relay(first.note);
    await inHand.promise;
    const second = replica();
    await cancel(runId);
    await relay(second.note);
    await eventually(() => forge.shown(COMMIT, context())?.state === 'error');
    held.resolve();
    await eventually(() => said.length > 0 && forge.history.length >= 3);
    expect(await atRest()).toMatchObject({ sent: { state: 'cancelled' } });
    expect(forge.history.slice(0, 3).map(({ state }) => state)).toEqual(['error', 'pending', 'error']);
    expect(forge.shown(COMMIT, context())?.state).toBe('error');
  });

  it('several replicas tell each of many states once when nothing fails', async () => {
    const [one] = [replica(), replica(), replica()];
    const teams = await Promise.all(Array.from({ length: 10 }, () => rows.team()));
    const repositories = teams.map(({ repositoryId }) => repositoryId);
    for (const repositoryId of repositories)
      await database.db
        .updateTable('repositories')
        .set({
          statuses: json({ forge: 'github', apiUrl: forge.apiUrl('github'), repository: 'shop/shop' }),
          statuses_token_sealed: sealer.seal(forge.token, statusTokenPlace(repositoryId)),
        })
        .where('id', '=', repositoryId)
        .execute();
    for (const each of teams) await rows.run(each, STAGES);
    await relay(one!.note);
    await eventually(() => forge.history.length >= teams.length);
    await eventually(async () => {
      const open = await database.db
        .selectFrom('commit_statuses')
        .select('commit')
        .where('due_at', 'is not', null)
        .where('repository_id', 'in', repositories)
        .execute();
      return open.length === 0;
    });
    expect(new Set(forge.history.map((shown) => shown.context)).size).toBe(teams.length);
    expect(forge.history).toHaveLength(teams.length);
  });
});
