import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { eventually } from '@sluice/testing';
import type { Checks } from '../../platform/forge/checks.port.ts';
import { appKeyPlace, statusTokenPlace } from './status-target.ts';
import { COMMIT, STAGES, StatusWorld } from './testing/status-world.ts';

const world = new StatusWorld(async ({ team, forge }) => {
  const app = { id: forge.app.id, installationId: null };
  await world.report(team.repositoryId, { app }, forge.app.privateKey, appKeyPlace(team.repositoryId));
});

const checks = () => world.forge.app.checks(COMMIT, world.context());
const history = () =>
  world.forge.app.history.map(({ externalId, status, conclusion }) => [externalId, conclusion ?? status]);
const begin = async (runId: string) => {
  const [attempt] = await world.rows.attempts(runId);
  await world.database.transactions.run((unit) =>
    world.rows.runs.apply(unit, runId, {
      type: 'attempt-started',
      jobKey: 'commit/unit',
      attemptId: attempt!.id,
      runner: 'spec',
    }),
  );
};
const end = async (runId: string, outcome: 'passed' | 'failed') => {
  const [attempt] = await world.rows.attempts(runId);
  await world.database.transactions.run((unit) =>
    world.rows.runs.apply(unit, runId, {
      type: 'attempt-ended',
      jobKey: 'commit/unit',
      attemptId: attempt!.id,
      outcome,
      ...(outcome === 'failed' && {
        reason: { code: 'exit-code', message: 'Step "npm test" ended with exit code 1.' },
      }),
    }),
  );
};

describe('telling GitHub by checks', () => {
  it('I32: one check goes with the run from queued to its end, and a further run has its own', async () => {
    const { note } = world.replica();
    const first = await world.rows.run(world.team, STAGES);
    await world.relay(note);
    expect(await world.atRest()).toMatchObject({ sent: { state: 'queued', runId: first }, error: null });
    await begin(first);
    await world.relay(note);
    await world.atRest();
    await end(first, 'failed');
    await world.relay(note);
    expect(await world.atRest()).toMatchObject({ sent: { state: 'failed', runId: first } });
    const second = await world.rows.run(world.team, STAGES);
    await world.relay(note);
    await world.atRest();
    expect(history()).toEqual([
      [first, 'queued'],
      [first, 'in_progress'],
      [first, 'failure'],
      [second, 'queued'],
    ]);
    expect(checks()).toMatchObject([
      {
        repository: 'shop/shop',
        title: 'Run #1 failed',
        summary: expect.stringContaining('- `commit/unit` failed: `Step "npm test" ended with exit code 1.`'),
        url: `https://sluice.example.com/services/${world.team.slug}/runs/1`,
        startedAt: expect.any(String),
        completedAt: expect.any(String),
      },
      { title: 'Run #2 is queued', url: `https://sluice.example.com/services/${world.team.slug}/runs/2` },
    ]);
    expect(world.forge.history).toEqual([]);
    expect(world.forge.refusals).toEqual([]);
  });

  it('an earlier run of the commit that still goes on is told to its end', async () => {
    const { note } = world.replica();
    const first = await world.rows.run(world.team, STAGES);
    await world.relay(note);
    await world.atRest();
    const second = await world.rows.run(world.team, STAGES);
    await begin(first);
    await world.relay(note);
    expect((await world.atRest()).sent?.checks).toHaveLength(2);
    await end(first, 'passed');
    await world.relay(note);
    const { sent } = await world.atRest();
    expect(sent).toMatchObject({ runId: second, state: 'queued' });
    expect(sent?.checks).toHaveLength(1);
    expect(checks()).toMatchObject([
      { externalId: first, conclusion: 'success' },
      { externalId: second, status: 'queued' },
    ]);
  });

  it('tells of a service that is not affected that nothing stands against the change', async () => {
    const { note } = world.replica();
    const notAffected = 'no changed path matches libs/**';
    await note.note([{ serviceId: world.team.serviceId, commit: COMMIT, ref: 'refs/heads/main', notAffected }]);
    expect(await world.atRest()).toMatchObject({ sent: { state: 'passed', runId: null } });
    expect(checks()).toMatchObject([
      { conclusion: 'skipped', summary: `This change starts no run: \`${notAffected}\`` },
    ]);
  });

  it('A16: a held run asks for somebody, and goes on in the same check when it is let go', async () => {
    const { note } = world.replica();
    const held = { code: 'fork', message: 'It comes from a fork.' } as const;
    const runId = await world.rows.run(world.team, STAGES, 'untrusted', 'refs/heads/main', { held });
    await world.relay(note);
    await world.atRest();
    await world.database.transactions.run((unit) =>
      world.rows.runs.apply(unit, runId, { type: 'admit', commit: COMMIT, by: { kind: 'system', name: 'spec' } }),
    );
    await world.relay(note);
    await world.atRest();
    expect(history()).toEqual([
      [runId, 'action_required'],
      [runId, 'queued'],
    ]);
    expect(world.forge.refusals).toEqual([]);
  });

  it('I32: a check whose id was lost between its making and the commit is found again, and no second one is made', async () => {
    const { note } = world.replica();
    const runId = await world.rows.run(world.team, STAGES);
    await world.relay(note);
    await world.atRest();
    await sql`update commit_statuses set sent = null, sent_at = null where service_id = ${world.team.serviceId}`.execute(
      world.database.db,
    );
    await world.cancel(runId);
    await world.relay(note);
    await world.atRest();
    expect(checks()).toMatchObject([{ externalId: runId, conclusion: 'cancelled' }]);
  });

  it('I32: a check whose id was lost is told to its end, too, when a newer run came meanwhile', async () => {
    const { note } = world.replica();
    const first = await world.rows.run(world.team, STAGES);
    await world.relay(note);
    await world.atRest();
    await sql`update commit_statuses set sent = null, sent_at = null where service_id = ${world.team.serviceId}`.execute(
      world.database.db,
    );
    const second = await world.rows.run(world.team, STAGES);
    await world.cancel(first);
    await world.relay(note);
    await world.atRest();
    expect(checks()).toMatchObject([
      { externalId: first, conclusion: 'cancelled' },
      { externalId: second, status: 'queued' },
    ]);
  });

  it('F66: an answer that was lost makes no second check, and limits are waited for', async () => {
    const { note } = world.replica();
    const runId = await world.rows.run(world.team, STAGES);
    world.forge.fault('lost-answer');
    await world.relay(note);
    await eventually(() => world.forge.app.history.length >= 3);
    expect(await world.row()).toMatchObject({ sent: null, error: expect.stringMatching(/could not be reached/) });
    world.forge.fault(undefined);
    await world.atRest();
    expect(checks()).toHaveLength(1);
    const second = await world.rows.run(world.team, STAGES);
    await world.relay(note);
    await world.atRest();
    expect(checks().map(({ externalId }) => externalId)).toEqual([runId, second]);
    world.forge.fault({ status: 403, body: {}, headers: { 'retry-after': '600' } });
    await world.cancel(second);
    await world.relay(note);
    const waiting = await eventually(async () => {
      const found = await world.row();
      return typeof found?.error === 'string' ? found : undefined;
    });
    expect(waiting.due_at!.getTime() - Date.now()).toBeGreaterThan(500_000);
  });

  it('F66: while GitHub is down the run goes on, and only its newest state is told afterwards', async () => {
    world.forge.fault({ status: 503, body: { message: 'maintenance' } });
    const { note } = world.replica();
    const runId = await world.rows.run(world.team, STAGES);
    await world.relay(note);
    await eventually(() => world.forge.requests >= 2);
    await begin(runId);
    await end(runId, 'passed');
    await world.relay(note);
    const before = world.forge.requests;
    await eventually(() => world.forge.requests >= before + 2);
    world.forge.fault(undefined);
    expect(await world.atRest()).toMatchObject({ sent: { state: 'passed' }, error: null });
    expect(history()).toEqual([[runId, 'success']]);
  });

  it('I32: where a replica that was stopped makes a second check after all, both are told the end', async () => {
    const held = Promise.withResolvers<void>();
    const inHand = Promise.withResolvers<void>();
    const late = (inner: Checks): Checks => ({
      find: (place, of) => inner.find(place, of),
      update: (place, id, report) => inner.update(place, id, report),
      create: async (place, report) => {
        inHand.resolve();
        await held.promise;
        return inner.create(place, report);
      },
    });
    const first = world.replica({ claimMs: 100 }, undefined, late);
    const runId = await world.rows.run(world.team, STAGES);
    await world.relay(first.note);
    await inHand.promise;
    const second = world.replica();
    await world.cancel(runId);
    await world.relay(second.note);
    await eventually(() => checks()[0]?.conclusion === 'cancelled');
    held.resolve();
    await eventually(() => checks().length === 2 && checks().every(({ conclusion }) => conclusion === 'cancelled'));
    expect(await world.atRest()).toMatchObject({ doubtful: false, sent: { state: 'cancelled' } });
    expect(checks().map(({ externalId }) => externalId)).toEqual([runId, runId]);
    expect(world.forge.refusals).toEqual([]);
  });

  it('a check that somebody removed at GitHub is made anew', async () => {
    const { note } = world.replica();
    const runId = await world.rows.run(world.team, STAGES);
    await world.relay(note);
    await world.atRest();
    world.forge.app.remove(checks()[0]!.id);
    await world.cancel(runId);
    await world.relay(note);
    await world.atRest();
    expect(checks()).toMatchObject([{ externalId: runId, conclusion: 'cancelled' }]);
  });

  it('leaves alone what others made under the same name', async () => {
    const { note } = world.replica();
    const runId = await world.rows.run(world.team, STAGES);
    await world.relay(note);
    await world.atRest();
    const [mine] = checks();
    const elsewhere = { ...mine!, id: 900, externalId: world.rows.ids.next() };
    world.forge.app.put(elsewhere);
    world.forge.app.put({ ...mine!, id: 901, appId: '42' });
    const second = await world.rows.run(world.team, STAGES);
    await world.relay(note);
    await world.atRest();
    expect(checks().find(({ id }) => id === 900)).toEqual(elsewhere);
    expect(checks().filter(({ externalId }) => externalId === second)).toHaveLength(1);
    expect(checks().filter(({ externalId }) => externalId === runId)).toHaveLength(2);
  });

  it('a repository that goes from an App to a token, and back, is told anew by what it has', async () => {
    const { note } = world.replica();
    const { repositoryId } = world.team;
    await world.rows.run(world.team, STAGES);
    await world.relay(note);
    await world.atRest();
    const again = () =>
      sql`update commit_statuses set due_at = now() where repository_id = ${repositoryId}`.execute(world.database.db);
    await world.report(repositoryId, {}, world.forge.token, statusTokenPlace(repositoryId));
    await again();
    await world.atRest();
    expect(world.forge.shown(COMMIT, world.context())).toMatchObject({ state: 'pending' });
    const app = { id: world.forge.app.id, installationId: null };
    await world.report(repositoryId, { app }, world.forge.app.privateKey, appKeyPlace(repositoryId));
    await again();
    await eventually(async () => ((await world.row())?.sent?.checks ?? []).length === 1);
    expect(checks()).toHaveLength(1);
  });

  it('A70: a key never opens as a token, and what is said of an App that cannot sign in holds none', async () => {
    const { repositoryId } = world.team;
    await world.report(repositoryId, {}, world.forge.app.privateKey, appKeyPlace(repositoryId));
    const { note } = world.replica();
    await world.rows.run(world.team, STAGES);
    await world.relay(note);
    const { error } = await world.atRest();
    expect(error).toMatch(/changed or moved/);
    expect(error).not.toContain('BEGIN');
    expect(world.forge.requests).toBe(0);
  });
});
