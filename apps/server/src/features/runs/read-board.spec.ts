import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { ONE_JOB, PipelineRows, type TestTeam } from '../../testing/pipeline-rows.ts';
import { LaneSummaries } from './lane-summaries.ts';
import { ReadBoard } from './read-board.ts';

const PULL_REQUEST = { number: 17, title: 'Cents', source: 'cents', target: 'main', outside: false, account: '51' };

let database: TestDatabase;
let rows: PipelineRows;
let team: TestTeam;
let board: ReadBoard;
beforeAll(async () => {
  database = await testDatabase();
  rows = new PipelineRows(database);
  board = new ReadBoard(database.db, new LaneSummaries(database.db));
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.empty();
  team = await rows.team();
});

const member = (): UserPrincipal => ({
  kind: 'user',
  userId: rows.ids.next(),
  name: 'Mira',
  email: 'mira@example.com',
  systemAdmin: false,
  memberships: [{ teamId: team.teamId, team: 'team', title: 'Team', role: 'viewer' }],
  via: 'session',
  scopes: [],
});
const shown = async () => (await board.board(member())).services[0]!;
const pullRequestRun = () => rows.run(team, ONE_JOB, 'trusted', 'refs/pull/17/head', { pullRequest: PULL_REQUEST });

it('names the newest run of a pull request while a service has no other run, and its state stays none', async () => {
  expect(await shown()).toMatchObject({ latest: null });
  expect(await shown()).not.toHaveProperty('pullRequestRun');
  await pullRequestRun();
  const newest = await pullRequestRun();
  expect(await shown()).toMatchObject({
    latest: null,
    pullRequestRun: { id: newest, service: team.slug, pullRequest: { number: 17 } },
  });
});

it('is silent about pull requests as soon as a branch has run', async () => {
  await pullRequestRun();
  const ofBranch = await rows.run(team, ONE_JOB);
  await pullRequestRun();
  const service = await shown();
  expect(service.latest?.id).toBe(ofBranch);
  expect(service).not.toHaveProperty('pullRequestRun');
});
