import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foldLane, isGateOpen, type Actor } from '@sluice/engine';
import { SystemClock } from '../../platform/clock/system-clock.ts';
import { json } from '../../platform/db/database.ts';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import {
  RepositoryUnreachableError,
  type CommitAuthors,
  type CommitInfo,
  type DiffSummary,
  type GitMirror,
} from '../../platform/forge/git-mirror.port.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { Audit, ChainHead } from '../audit/index.ts';
import { LaneSummaries } from '../runs/index.ts';
import { PipelineRows, type TestTeam } from '../../testing/pipeline-rows.ts';
import { DecideGate } from './decide-gate.ts';
import { findLane } from './find-lane.ts';
import { LaneStore } from './lane-store.ts';
import { OfferRelease } from './offer-release.ts';
import { ReadApprovals } from './read-approvals.ts';
import { ReadContributors } from './read-contributors.ts';
import { ReadDeployment } from './read-deployment.ts';
import { bindToSettings, RebindLanes } from './rebind-lanes.ts';

const SYSTEM: Actor = { kind: 'system', name: 'Sluice' };
const TARGET = { kind: 'docker', engine: 'unix:///var/run/docker.sock' };

/** The history of one repository, in memory: what the lane asks of git. */
class FixedHistory implements GitMirror {
  commits: CommitInfo[] = [];
  /** Older ones than the cards show. */
  older: CommitAuthors[] = [];
  fetch = () => Promise.resolve();
  fetchRef = () => Promise.resolve('absent' as const);
  remoteHeads = () => Promise.resolve(new Map<string, string>());
  commitOf = () => Promise.resolve(null);
  resolve = () => Promise.resolve(null);
  readFile = () => Promise.resolve(null);
  commit = (_: unknown, sha: string) => Promise.resolve(this.commits.find((one) => one.sha === sha)!);
  commitsBetween = () => Promise.resolve({ commits: this.commits, cut: false });
  authorsBetween = () =>
    Promise.resolve([...this.commits.map(({ sha, authorEmail }) => ({ sha, emails: [authorEmail] })), ...this.older]);
  changedPaths = () => Promise.resolve(null);
  diffSummary = (): Promise<DiffSummary> => Promise.resolve({ files: 0, insertions: 0, deletions: 0 });
  contains = () => Promise.resolve(true);
  mergeBase = () => Promise.resolve(null);
  removeOthers = () => Promise.resolve(0);
}

describe('lanes on PostgreSQL', () => {
  let database: TestDatabase;
  let rows: PipelineRows;
  let history: FixedHistory;
  let offers: OfferRelease;
  let gate: DecideGate;
  let approvals: ReadApprovals;
  let deployments: ReadDeployment;
  let lanes: LaneStore;

  beforeAll(async () => {
    database = await testDatabase({ max: 20 });
    rows = new PipelineRows(database);
    history = new FixedHistory();
    lanes = new LaneStore(new SystemClock(), rows.ids, rows.outbox);
    offers = new OfferRelease(database.transactions, rows.ids, lanes, rows.outbox);
    const repositories = {
      open: (id: string) => Promise.resolve({ id, url: 'https://git.example.com/x.git', credential: null }),
    };
    const contributors = new ReadContributors(database.db, history, repositories as never);
    approvals = new ReadApprovals(database.db, contributors, history, repositories as never);
    deployments = new ReadDeployment(database.db, new LaneSummaries(database.db), contributors);
    gate = new DecideGate(
      database.db,
      database.transactions,
      lanes,
      contributors,
      new Audit(new ChainHead(Buffer.alloc(32))),
    );
  });
  afterAll(() => database.close());

  async function person(
    team: TestTeam,
    role: 'developer' | 'release-manager',
    email = `${rows.ids.next()}@example.com`,
  ): Promise<UserPrincipal> {
    const userId = rows.ids.next();
    await database.db.insertInto('users').values({ id: userId, email, name: email, password_hash: 'x' }).execute();
    await database.db.insertInto('memberships').values({ team_id: team.teamId, user_id: userId, role }).execute();
    const membership = { teamId: team.teamId, team: team.slug, title: 'Team', role };
    return {
      kind: 'user',
      userId,
      name: email,
      email,
      systemAdmin: false,
      memberships: [membership],
      via: 'session',
      scopes: [],
    };
  }

  async function environment(team: TestTeam, approvals: number, name = 'production'): Promise<string> {
    const id = rows.ids.next();
    const settings = { gate: { approvals, roles: ['release-manager'], noSelfApproval: true }, target: TARGET };
    await database.db
      .insertInto('environments')
      .values({ id, team_id: team.teamId, name, settings: json(settings), settings_hash: `hash-${approvals}` })
      .execute();
    return id;
  }

  async function release(
    team: TestTeam,
    route = ['production'],
    by: { identity: string; userId?: string } = { identity: 'ann', userId: 'ann' },
  ): Promise<string> {
    const runId = await rows.run(team, 'commit: { jobs: {} }');
    const { number } = await rows.stateOf(runId);
    const id = rows.ids.next();
    await database.db
      .insertInto('releases')
      .values({
        id,
        team_id: team.teamId,
        service_id: team.serviceId,
        run_id: runId,
        run_number: number,
        commit: 'a'.repeat(40),
        repository: 'registry.example.com/x',
        digest: `sha256:${'b'.repeat(64)}`,
        plan_hash: 'plan',
        route: json(route),
        evidence: json({ image: {}, tests: null, by: [{ part: 'pushed', ...by }] }),
      })
      .execute();
    await offers.offer({ releaseId: id, environment: route[0]!, requestedBy: SYSTEM });
    return id;
  }

  const deploymentOf = (releaseId: string) =>
    database.db.selectFrom('deployments').selectAll().where('release_id', '=', releaseId).executeTakeFirstOrThrow();
  const laneOf = async (laneId: string) =>
    (await database.db.selectFrom('lanes').select('state').where('id', '=', laneId).executeTakeFirstOrThrow()).state;

  it('an open gate starts the deployment at once; the state is the fold of the events (I34)', async () => {
    const team = await rows.team();
    await environment(team, 0);
    const deployment = await deploymentOf(await release(team));
    expect(deployment.status).toBe('running');
    const stored = await database.db
      .selectFrom('lane_events')
      .select('event')
      .where('lane_id', '=', deployment.lane_id)
      .orderBy('sequence')
      .execute();
    expect(foldLane(stored.map((row) => row.event))).toEqual(await laneOf(deployment.lane_id));
  });

  it('a deployment that passed is told to whoever waits for it, another end is not', async () => {
    for (const outcome of ['passed', 'failed'] as const) {
      const team = await rows.team();
      const environmentId = await environment(team, 0);
      const { id, lane_id: laneId } = await deploymentOf(await release(team));
      await database.transactions.run((unit) =>
        lanes.apply(
          unit,
          { laneId, environmentId, settings: {} },
          { type: 'deployment-ended', deploymentId: id, outcome },
        ),
      );
      const told = await database.db
        .selectFrom('outbox')
        .select('payload')
        .where('topic', '=', 'release-live')
        .execute();
      expect(told.filter(({ payload }) => (payload as { deploymentId: string }).deploymentId === id)).toHaveLength(
        outcome === 'passed' ? 1 : 0,
      );
    }
  });

  it('lists show how the last deployment went, each time anew: also after retention has taken it', async () => {
    const team = await rows.team();
    const environmentId = await environment(team, 0);
    const { id, lane_id: laneId } = await deploymentOf(await release(team));
    const viewer = await person(team, 'developer');
    const shown = async () => (await deployments.lanes(viewer))[0]?.current;
    expect(await shown()).toMatchObject({ deploymentId: id, status: 'running' });
    await database.transactions.run((unit) =>
      lanes.apply(
        unit,
        { laneId, environmentId, settings: {} },
        { type: 'deployment-ended', deploymentId: id, outcome: 'failed' },
      ),
    );
    expect(await shown()).toMatchObject({ deploymentId: id, status: 'failed' });
    expect(await shown()).toMatchObject({ deploymentId: id, status: 'failed' });
    await database.db.deleteFrom('deployments').where('id', '=', id).execute();
    expect(await shown()).toBeNull();
  });

  it('the same release offered twice is one deployment', async () => {
    const team = await rows.team();
    await environment(team, 1);
    const releaseId = await release(team);
    await Promise.all([1, 2, 3].map(() => offers.offer({ releaseId, environment: 'production', requestedBy: SYSTEM })));
    expect(
      await database.db.selectFrom('deployments').select('id').where('release_id', '=', releaseId).execute(),
    ).toHaveLength(1);
  });

  it.each(Array.from({ length: 20 }, (_, index) => index))(
    'F56: two people approve in the same moment, round %i: two rows, one start',
    async () => {
      const team = await rows.team();
      await environment(team, 2);
      const deployment = await deploymentOf(await release(team));
      const [rita, ruben] = await Promise.all([person(team, 'release-manager'), person(team, 'release-manager')]);
      await Promise.all([rita, ruben, rita].map((one) => gate.approve(one, deployment.id, deployment.binding)));
      const after = await deploymentOf(deployment.release_id);
      expect(after.status).toBe('running');
      expect(after.approvals.map((approval) => approval.userId).toSorted()).toEqual(
        [rita.userId, ruben.userId].toSorted(),
      );
      const started = await database.db
        .selectFrom('lane_events')
        .select('event')
        .where('lane_id', '=', deployment.lane_id)
        .execute();
      expect(started.filter((row) => row.event.type === 'deployment-started')).toHaveLength(1);
    },
  );

  it.each([
    [
      'is disabled',
      (userId: string) => database.db.updateTable('users').set({ disabled: true }).where('id', '=', userId),
    ],
    [
      'lost the role',
      (userId: string) =>
        database.db.updateTable('memberships').set({ role: 'developer' }).where('user_id', '=', userId),
    ],
  ])('I16: an approval lapses when its person %s, at a closed gate and behind a deployment', async (_why, takeAway) => {
    const team = await rows.team();
    await environment(team, 2);
    const deployment = await deploymentOf(await release(team));
    const people = [0, 1, 2].map(() => person(team, 'release-manager'));
    const [rita, ruben, rosa] = (await Promise.all(people)) as [UserPrincipal, UserPrincipal, UserPrincipal];
    await gate.approve(rita, deployment.id, deployment.binding);
    await takeAway(rita.userId).execute();
    await gate.approve(ruben, deployment.id, deployment.binding);
    const after = await deploymentOf(deployment.release_id);
    expect(after).toMatchObject({ status: 'waiting', approvals: [{ userId: ruben.userId }] });
    expect((await laneOf(deployment.lane_id)).open[0]?.approvals).toHaveLength(1);
    await gate.approve(rosa, deployment.id, deployment.binding);
    expect((await deploymentOf(deployment.release_id)).status).toBe('running');

    const behind = await deploymentOf(await release(team));
    for (const one of [ruben, rosa]) await gate.approve(one, behind.id, behind.binding);
    await takeAway(rosa.userId).execute();
    await database.transactions.run(async (unit) => {
      await bindToSettings(unit, lanes, deployment.lane_id);
      const lane = (await findLane(unit.tx, deployment.lane_id))!;
      await lanes.apply(unit, lane, { type: 'deployment-ended', deploymentId: deployment.id, outcome: 'passed' });
    });
    expect(await deploymentOf(behind.release_id)).toMatchObject({
      status: 'waiting',
      approvals: [{ userId: ruben.userId }],
    });
  });

  it('I16: an approval lapses when the identity that pushed turns out to be its person', async () => {
    const team = await rows.team();
    await environment(team, 2);
    const deployment = await deploymentOf(await release(team, ['production'], { identity: 'Late-Rita' }));
    const [rita, ruben] = await Promise.all([person(team, 'release-manager'), person(team, 'release-manager')]);
    await gate.approve(rita, deployment.id, deployment.binding);
    await database.db
      .insertInto('user_identities')
      .values({ user_id: rita.userId, kind: 'login', value: 'late-rita' })
      .execute();
    await gate.approve(ruben, deployment.id, deployment.binding);
    const { status, approvals } = await deploymentOf(deployment.release_id);
    expect([status, approvals.map(({ userId }) => userId)]).toEqual(['waiting', [ruben.userId]]);
    await expect(gate.approve(rita, deployment.id, deployment.binding)).rejects.toMatchObject({
      code: 'self-approval',
    });
  });

  it('I16: whoever pushed under a login that nobody linked does not pass alone; a link is judged with the next approval, also one given again', async () => {
    const team = await rows.team();
    await environment(team, 1);
    const [rita, ruben, dev] = await Promise.all([
      person(team, 'release-manager'),
      person(team, 'release-manager'),
      person(team, 'developer'),
    ]);
    const deployment = await deploymentOf(await release(team, ['production'], { identity: 'Side-Door' }));
    const card = () => approvals.detail(rita, deployment.id);
    const neededWhy =
      'One more because the pusher Side-Door is linked to nobody. ' +
      'Fewer once a system admin has linked Side-Door to a person: the next approval, also one given again, is judged by that.';
    expect(await card()).toMatchObject({ given: 0, needed: 2, neededWhy, me: { can: true } });
    expect((await deployments.one(rita, deployment.id)).waiting?.message).toMatch(/^0 of 2 approvals given/);
    await gate.approve(rita, deployment.id, deployment.binding);
    expect(await card()).toMatchObject({ status: 'waiting', given: 1, needed: 2, me: { code: 'approved-already' } });
    expect((await deployments.lanes(rita))[0]?.current).toMatchObject({ approvals: 1, needed: 2 });
    await gate.approve(rita, deployment.id, deployment.binding);
    expect((await deploymentOf(deployment.release_id)).status).toBe('waiting');
    const link = (userId: string) =>
      database.db.insertInto('user_identities').values({ user_id: userId, kind: 'login', value: 'side-door' });
    await link(dev.userId).execute();
    expect(await card()).toMatchObject({ given: 1, needed: 1, me: { can: true } });
    expect((await card()).neededWhy).toBeUndefined();
    expect((await approvals.list(rita, 'me')).map(({ deploymentId }) => deploymentId)).toEqual([deployment.id]);
    await gate.approve(rita, deployment.id, deployment.binding);
    const { status, approvals: given } = await deploymentOf(deployment.release_id);
    expect([status, given.map(({ userId }) => userId)]).toEqual(['running', [rita.userId]]);

    const other = await deploymentOf(await release(team, ['production'], { identity: 'anonymous' }));
    for (const one of [rita, ruben]) await gate.approve(one, other.id, other.binding);
    const lane = await laneOf(other.lane_id);
    expect(lane.open.find(({ id }) => id === other.id)).toMatchObject({
      unlinked: [{ part: 'pushed', identity: 'anonymous' }],
    });
    expect(
      isGateOpen(
        lane.settings.gate,
        lane.open.find(({ id }) => id === other.id)!,
      ),
    ).toBe(true);
  });

  it('I16: a git host that is down hides what more a gate asks for, never the deployment', async () => {
    const team = await rows.team();
    await environment(team, 1);
    const rita = await person(team, 'release-manager');
    const deployment = await deploymentOf(await release(team, ['production'], { identity: 'side-door-2' }));
    history.commitsBetween = () => Promise.reject(new RepositoryUnreachableError('down'));
    try {
      expect((await deployments.one(rita, deployment.id)).waiting?.message).toMatch(/^0 of 1 approval given/);
      await expect(gate.approve(rita, deployment.id, deployment.binding)).rejects.toThrow('down');
    } finally {
      history.commitsBetween = () => Promise.resolve({ commits: history.commits, cut: false });
    }
    await gate.approve(rita, deployment.id, deployment.binding);
    expect((await deploymentOf(deployment.release_id)).status).toBe('waiting');
  });

  it('I19: after a cancel was acknowledged no gate opens for the run, although the word has not come to the lane yet', async () => {
    const team = await rows.team();
    await environment(team, 1);
    const deployment = await deploymentOf(await release(team));
    const rita = await person(team, 'release-manager');
    const { run_id: runId } = await database.db
      .selectFrom('releases')
      .select('run_id')
      .where('id', '=', deployment.release_id)
      .executeTakeFirstOrThrow();
    const cancelRequested = { by: { kind: 'user', name: 'Dev' }, at: new Date().toISOString() } as const;
    const state = { ...(await rows.stateOf(runId)), cancelRequested };
    await database.db
      .updateTable('runs')
      .set({ state: json(state) })
      .where('id', '=', runId)
      .execute();
    await expect(gate.approve(rita, deployment.id, deployment.binding)).rejects.toMatchObject({
      status: 409,
      code: 'not-waiting',
    });
    expect(await deploymentOf(deployment.release_id)).toMatchObject({
      status: 'cancelled',
      reason: { code: 'withdrawn', message: 'Withdrawn by Dev.' },
    });
  });

  it('F57: approve and reject in the same moment: the first wins, the other is told 409', async () => {
    const team = await rows.team();
    await environment(team, 1);
    const deployment = await deploymentOf(await release(team));
    const [rita, ruben] = await Promise.all([person(team, 'release-manager'), person(team, 'release-manager')]);
    const answers = await Promise.allSettled([
      gate.approve(rita, deployment.id, deployment.binding),
      gate.reject(ruben, deployment.id, deployment.binding, 'not on a Friday'),
    ]);
    const refused = answers
      .filter((answer) => answer.status === 'rejected')
      .map((answer) => answer.reason as { status: number; code: string });
    expect(refused).toMatchObject([{ status: 409, code: 'not-waiting' }]);
    expect(['running', 'failed']).toContain((await deploymentOf(deployment.release_id)).status);
  });

  it('F59: a right taken away between click and commit counts', async () => {
    const team = await rows.team();
    await environment(team, 1);
    const deployment = await deploymentOf(await release(team));
    const rita = await person(team, 'release-manager');
    await database.db
      .updateTable('memberships')
      .set({ role: 'developer' })
      .where('user_id', '=', rita.userId)
      .execute();
    await expect(gate.approve(rita, deployment.id, deployment.binding)).rejects.toMatchObject({
      status: 403,
      code: 'not-entitled',
    });
  });

  it.each(['pushed', 'authored'] as const)(
    'A72: nobody who %s part of the change approves it, however they are named',
    async (part) => {
      const team = await rows.team();
      await environment(team, 1);
      const rita = await person(team, 'release-manager', `rita-${part}@example.com`);
      await database.db
        .insertInto('user_identities')
        .values({ user_id: rita.userId, kind: 'login', value: `rita-${part}` })
        .execute();
      const sha = 'c'.repeat(40);
      history.commits =
        part === 'authored'
          ? [{ sha, message: 'm', author: 'R', authorEmail: `RITA-${part}@example.com`, at: '2026-01-01T00:00:00Z' }]
          : [];
      const deployment = await deploymentOf(
        await release(team, ['production'], part === 'pushed' ? { identity: `rita-${part}` } : undefined),
      );
      await expect(gate.approve(rita, deployment.id, deployment.binding)).rejects.toMatchObject({
        status: 403,
        code: 'self-approval',
      });
      history.commits = [];
      expect((await deploymentOf(deployment.release_id)).status).toBe('waiting');
    },
  );

  it('A72: who wrote what lies below the newest commit of a first release does not approve it', async () => {
    const team = await rows.team();
    await environment(team, 1);
    const rita = await person(team, 'release-manager', 'rita-below@example.com');
    history.older = [{ sha: 'd'.repeat(40), emails: ['someone@example.com', 'Rita-Below@example.com'] }];
    const deployment = await deploymentOf(await release(team));
    await expect(gate.approve(rita, deployment.id, deployment.binding)).rejects.toMatchObject({
      status: 403,
      code: 'self-approval',
    });
    history.older = [];
  });

  it('A15, A72: who pushed a commit of the change under a foreign author line does not approve it, though no run came of that push', async () => {
    const team = await rows.team();
    await environment(team, 1);
    const [rita, ruben] = await Promise.all([person(team, 'release-manager'), person(team, 'release-manager')]);
    for (const [index, one] of [rita, ruben].entries()) {
      await database.db
        .insertInto('user_identities')
        .values({ user_id: one.userId, kind: 'login', value: `pusher-${index}` })
        .execute();
    }
    const hookId = rows.ids.next();
    const common = { team_id: team.teamId, repository_id: team.repositoryId };
    await database.db
      .insertInto('hooks')
      .values({ ...common, id: hookId, secret_sealed: 'x' })
      .execute();
    const sha = 'e'.repeat(40);
    const pushed = async (pusher: string, ref: string, before: string | null) => {
      const id = rows.ids.next();
      await database.db
        .insertInto('deliveries')
        .values({
          ...common,
          id,
          hook_id: hookId,
          delivery_key: id,
          content_key: id,
          event: 'push',
          ref,
          status: 'ignored',
          payload: json({ after: sha, before, pusher }),
        })
        .execute();
    };
    await pushed('Pusher-0', 'refs/heads/feature', null);
    await pushed('pusher-1', 'refs/heads/another-name-of-it', null);
    history.older = [{ sha, emails: ['someone@example.com'] }];
    const deployment = await deploymentOf(await release(team));
    await expect(gate.approve(rita, deployment.id, deployment.binding)).rejects.toMatchObject({
      status: 403,
      code: 'self-approval',
    });
    await gate.approve(ruben, deployment.id, deployment.binding);
    history.older = [];
  });

  it('I16: who pushed a commit of the change does not approve it, though retention has removed the delivery', async () => {
    const team = await rows.team();
    await environment(team, 1);
    const [rita, ruben] = await Promise.all([person(team, 'release-manager'), person(team, 'release-manager')]);
    await database.db
      .insertInto('user_identities')
      .values({ user_id: rita.userId, kind: 'login', value: 'pusher-of-old' })
      .execute();
    const sha = 'd'.repeat(40);
    await database.db
      .insertInto('commit_hands')
      .values({
        repository_id: team.repositoryId,
        service_id: null,
        commit: sha,
        part: 'pushed',
        identity: 'Pusher-of-old',
        user_id: null,
      })
      .execute();
    history.older = [{ sha, emails: ['someone@example.com'] }];
    const deployment = await deploymentOf(await release(team));
    await expect(gate.approve(rita, deployment.id, deployment.binding)).rejects.toMatchObject({
      status: 403,
      code: 'self-approval',
    });
    await gate.approve(ruben, deployment.id, deployment.binding);
    history.older = [];
  });

  it('I17, A46: nothing passes by a rule of the gate that has been replaced, even before its lanes have heard of it', async () => {
    const team = await rows.team();
    const environmentId = await environment(team, 0);
    await release(team);
    const settings = { gate: { approvals: 1, roles: ['release-manager'], noSelfApproval: true }, target: TARGET };
    await database.db
      .updateTable('environments')
      .set({ settings: json(settings), settings_hash: 'stricter' })
      .where('id', '=', environmentId)
      .execute();
    await database.db
      .updateTable('deployments')
      .set({ status: 'passed' })
      .where('service_id', '=', team.serviceId)
      .execute();
    const lane = await database.db
      .selectFrom('lanes')
      .select(['id', 'state'])
      .where('service_id', '=', team.serviceId)
      .executeTakeFirstOrThrow();
    await database.db
      .updateTable('lanes')
      .set({ state: json({ ...lane.state, open: [] }) })
      .where('id', '=', lane.id)
      .execute();
    const deployment = await deploymentOf(await release(team));
    expect(deployment).toMatchObject({ status: 'waiting', settings });
    await database.db
      .updateTable('environments')
      .set({ settings_hash: 'stricter still' })
      .where('id', '=', environmentId)
      .execute();
    await expect(
      gate.approve(await person(team, 'release-manager'), deployment.id, deployment.binding),
    ).rejects.toMatchObject({ code: 'release-changed' });
  });

  it('I17: changed settings void the approvals given before, and an old binding is refused', async () => {
    const team = await rows.team();
    const environmentId = await environment(team, 2);
    const deployment = await deploymentOf(await release(team));
    const rita = await person(team, 'release-manager');
    await gate.approve(rita, deployment.id, deployment.binding);
    await database.db
      .updateTable('environments')
      .set({ settings_hash: 'other' })
      .where('id', '=', environmentId)
      .execute();
    await new RebindLanes(database.transactions, lanes).rebind({ environmentId });
    expect((await deploymentOf(deployment.release_id)).approvals).toEqual([]);
    await expect(gate.approve(rita, deployment.id, deployment.binding)).rejects.toMatchObject({
      status: 409,
      code: 'release-changed',
    });
  });

  it('a person of another team cannot tell that the deployment exists', async () => {
    const [team, other] = [await rows.team(), await rows.team()];
    await environment(team, 1);
    const deployment = await deploymentOf(await release(team));
    const stranger = await person(other, 'release-manager');
    await expect(gate.approve(stranger, deployment.id, deployment.binding)).rejects.toMatchObject({ status: 404 });
  });

  it('F67: the database itself refuses a second active deployment of a lane (I13)', async () => {
    const team = await rows.team();
    await environment(team, 0);
    const first = await deploymentOf(await release(team));
    const second = await deploymentOf(await release(team));
    expect(second.status).toBe('waiting');
    await expect(
      database.db.updateTable('deployments').set({ status: 'running' }).where('id', '=', second.id).execute(),
    ).rejects.toMatchObject({ code: '23505' });
    expect(first.lane_id).toBe(second.lane_id);
  });

  it('a live release goes on to the next environment of its route, and a missing environment is told to the run', async () => {
    const team = await rows.team();
    await environment(team, 0, 'staging');
    const releaseId = await release(team, ['staging', 'nowhere']);
    await offers.advance({ releaseId, from: 'staging' });
    await offers.offer({ releaseId, environment: 'nowhere', requestedBy: SYSTEM });
    const messages = await database.db.selectFrom('outbox').select(['topic', 'payload']).execute();
    expect(messages.filter((row) => row.topic === 'offer-release').map((row) => row.payload)).toContainEqual(
      expect.objectContaining({ releaseId, environment: 'nowhere' }),
    );
    expect(messages.filter((row) => row.topic === 'tell-run').map((row) => row.payload)).toContainEqual(
      expect.objectContaining({
        status: 'errored',
        reason: expect.objectContaining({ code: 'no-environment' }) as unknown,
      }),
    );
  });
});
