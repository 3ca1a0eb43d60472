import { describe, expect, it } from 'vitest';
import { eventually } from '@sluice/testing';
import type { CommitStatuses, SendOutcome, StatusReport } from '../../platform/forge/commit-statuses.port.ts';
import { statusTokenPlace } from './status-target.ts';
import { COMMIT, STAGES, StatusWorld } from './testing/status-world.ts';

const world = new StatusWorld(({ team, forge }) => report(team, forge.token));
const report = (
  { repositoryId }: { repositoryId: string },
  token: string,
  to: { apiUrl?: string; repository?: string } = {},
) => world.report(repositoryId, to, token, statusTokenPlace(repositoryId));

describe('telling a forge', () => {
  it('I32: what a forge shows at rest is the state of the run, by its newest one', async () => {
    const { note } = world.replica();
    const runId = await world.rows.run(world.team, STAGES);
    await world.relay(note);
    expect(await world.atRest()).toMatchObject({ sent: { state: 'queued', runId }, error: null, given_up_at: null });
    await world.cancel(runId);
    await world.relay(note);
    expect(await world.atRest()).toMatchObject({ sent: { state: 'cancelled', runId } });
    const again = await world.rows.run(world.team, STAGES);
    await world.relay(note);
    expect(await world.atRest()).toMatchObject({ sent: { state: 'queued', runId: again } });
    expect(world.forge.history.map(({ state, description, url }) => ({ state, description, url }))).toEqual([
      {
        state: 'pending',
        description: 'Run #1 is queued',
        url: `https://sluice.example.com/services/${world.team.slug}/runs/1`,
      },
      expect.objectContaining({ state: 'error', description: expect.stringMatching(/^Run #1 cancelled/) }),
      expect.objectContaining({ state: 'pending', description: 'Run #2 is queued' }),
    ]);
    expect(world.forge.refusals).toEqual([]);
  });

  it('tells of a service that is not affected that nothing stands against the change; a run counts for more', async () => {
    const { note } = world.replica();
    const told = {
      serviceId: world.team.serviceId,
      commit: COMMIT,
      ref: 'refs/heads/main',
      notAffected: 'no changed path matches libs/**',
    };
    await note.note([told]);
    await world.atRest();
    expect(world.forge.shown(COMMIT, world.context())).toMatchObject({
      state: 'success',
      description: 'Not affected: no changed path matches libs/**',
      url: `https://sluice.example.com/services/${world.team.slug}`,
    });
    await world.rows.run(world.team, STAGES);
    await world.relay(note);
    await note.note([told]);
    await world.atRest();
    expect(world.forge.shown(COMMIT, world.context())).toMatchObject({
      state: 'pending',
      description: 'Run #1 is queued',
    });
  });

  it('tells nothing where the repository reports to nobody', async () => {
    await world.database.db
      .updateTable('repositories')
      .set({ statuses: null })
      .where('id', '=', world.team.repositoryId)
      .execute();
    const { note } = world.replica();
    await world.rows.run(world.team, STAGES);
    await world.relay(note);
    expect(await world.row()).toBeUndefined();
    expect(world.forge.requests).toBe(0);
  });

  it('F66: tries again with pauses while the forge is down, and tells only the newest state when it is back', async () => {
    world.forge.fault({ status: 503, body: { message: 'maintenance' } });
    const { note } = world.replica();
    const runId = await world.rows.run(world.team, STAGES);
    await world.relay(note);
    await eventually(() => world.forge.requests >= 3);
    expect(await world.row()).toMatchObject({ error: 'The forge answered 503: maintenance.', sent: null });
    await world.cancel(runId);
    await world.relay(note);
    // One that was under way may have been of the state before; those after it are not.
    const before = world.forge.requests;
    await eventually(() => world.forge.requests >= before + 2);
    world.forge.fault(undefined);
    expect(await world.atRest()).toMatchObject({ sent: { state: 'cancelled' }, error: null, failing_since: null });
    expect(world.forge.history).toHaveLength(1);
  });

  it('F66: waits as long as the forge asks, even when there is news meanwhile', async () => {
    world.forge.fault({ status: 429, body: {}, headers: { 'retry-after': '600' } });
    const { note, send } = world.replica();
    const runId = await world.rows.run(world.team, STAGES);
    await world.relay(note);
    const waiting = await eventually(async () => {
      const found = await world.row();
      return typeof found?.error === 'string' ? found : undefined;
    });
    expect(waiting.due_at!.getTime() - Date.now()).toBeGreaterThan(500_000);
    await world.cancel(runId);
    await world.relay(note);
    send.look();
    expect((await world.row())!.due_at).toEqual(waiting.due_at);
    expect(world.forge.requests).toBe(1);
  });

  it('F66: gives a forge up after the deadline, says so, and takes it up again with the next news', async () => {
    world.forge.fault('reset');
    const { note } = world.replica({ deadlineMs: 100 });
    const runId = await world.rows.run(world.team, STAGES);
    await world.relay(note);
    expect(await world.atRest()).toMatchObject({
      given_up_at: expect.any(Date),
      error: expect.stringMatching(/could not be reached/),
      sent: null,
    });
    world.forge.fault(undefined);
    await world.cancel(runId);
    await world.relay(note);
    expect(await world.atRest()).toMatchObject({ given_up_at: null, error: null, sent: { state: 'cancelled' } });
  });

  it('gives up soon when the forge says no', async () => {
    await report(world.team, 'wrong');
    const { note } = world.replica();
    await world.rows.run(world.team, STAGES);
    await world.relay(note);
    expect(await world.atRest()).toMatchObject({
      given_up_at: expect.any(Date),
      error: expect.stringMatching(/401.*token/),
    });
    expect(world.forge.requests).toBe(3);
  });

  it('a repository whose forge hangs does not hold up another', async () => {
    const other = await world.rows.team();
    await report(other, 'x', { apiUrl: 'http://127.0.0.1:1/api/v3', repository: 'a/b' });
    const hanging = Promise.withResolvers<SendOutcome>();
    const { note } = world.replica({}, (inner) => ({
      forge: 'github',
      send: (place, report) => (place.repository === 'a/b' ? hanging.promise : inner.send(place, report)),
    }));
    await world.rows.run(other, STAGES);
    await world.rows.run(world.team, STAGES);
    await world.relay(note);
    await world.atRest();
    expect(world.forge.shown(COMMIT, world.context())).toBeDefined();
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
    const first = world.replica({ claimMs: 100 }, slow);
    const runId = await world.rows.run(world.team, STAGES);
    await world.relay(first.note);
    await inHand.promise;
    const second = world.replica();
    await world.cancel(runId);
    await world.relay(second.note);
    await eventually(() => world.forge.shown(COMMIT, world.context())?.state === 'error');
    held.resolve();
    await eventually(() => said.length > 0 && world.forge.history.length >= 3);
    expect(await world.atRest()).toMatchObject({ sent: { state: 'cancelled' } });
    expect(world.forge.history.slice(0, 3).map(({ state }) => state)).toEqual(['error', 'pending', 'error']);
    expect(world.forge.shown(COMMIT, world.context())?.state).toBe('error');
  });

  it('several replicas tell each of many states once when nothing fails', async () => {
    const [one] = [world.replica(), world.replica(), world.replica()];
    const teams = await Promise.all(Array.from({ length: 10 }, () => world.rows.team()));
    const repositories = teams.map(({ repositoryId }) => repositoryId);
    for (const each of teams) await report(each, world.forge.token);
    for (const each of teams) await world.rows.run(each, STAGES);
    await world.relay(one!.note);
    await eventually(() => world.forge.history.length >= teams.length);
    await eventually(async () => {
      const open = await world.database.db
        .selectFrom('commit_statuses')
        .select('commit')
        .where('due_at', 'is not', null)
        .where('repository_id', 'in', repositories)
        .execute();
      return open.length === 0;
    });
    expect(new Set(world.forge.history.map((shown) => shown.context)).size).toBe(teams.length);
    expect(world.forge.history).toHaveLength(teams.length);
  });
});
