import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Role } from '@sluice/engine';
import { UuidV7 } from '../../platform/clock/system-clock.ts';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { PipelineRows, type TestTeam } from '../../testing/pipeline-rows.ts';
import { Audit, ChainHead } from '../audit/index.ts';
import { AdmitRun } from './admit-run.ts';
import { KeepSettings } from './keep-settings.ts';
import { Rerun } from './rerun.ts';
import { RunStates } from './run-states.ts';
import { summariseRun } from './summarise-run.ts';

const STAGES = `commit: { jobs: { unit: { image: 'node:24', steps: [{ run: x }] } } }`;
const PULL_REQUEST = { number: 17, title: 'Cents', source: 'cents', target: 'main', outside: true, account: '51' };

describe('AdmitRun on PostgreSQL', () => {
  let database: TestDatabase;
  let rows: PipelineRows;
  let admit: AdmitRun;
  let rerun: Rerun;
  let team: TestTeam;
  beforeAll(async () => {
    database = await testDatabase();
    rows = new PipelineRows(database);
    await rows.pool();
    await rows.pool({ trust: 'untrusted' });
    const audit = new Audit(new ChainHead(Buffer.alloc(32)));
    admit = new AdmitRun(database.transactions, rows.runs, audit);
    rerun = new Rerun(database.transactions, new UuidV7(), rows.runs, new RunStates(), audit, new KeepSettings(60));
  });
  afterAll(() => database.close());
  beforeEach(async () => {
    team = await rows.team();
  });

  const person = ({ teamId }: TestTeam, role: Role = 'developer'): UserPrincipal => ({
    kind: 'user',
    userId: rows.ids.next(),
    name: 'Mira',
    email: 'mira@example.com',
    systemAdmin: false,
    memberships: [{ teamId, team: 'team', title: 'Team', role }],
    via: 'session',
    scopes: [],
  });
  const heldRun = () =>
    rows.run(team, STAGES, 'untrusted', 'refs/pull/17/head', {
      pullRequest: PULL_REQUEST,
      held: { code: 'fork', message: 'It comes from a fork.' },
    });
  const statusOf = async (id: string) =>
    (await database.db.selectFrom('runs').select('status').where('id', '=', id).executeTakeFirstOrThrow()).status;
  const commitOf = async (id: string) =>
    (await database.db.selectFrom('runs').select('commit').where('id', '=', id).executeTakeFirstOrThrow()).commit;

  it('I24: has no attempt before, and one for untrusted runners after', async () => {
    const run = await heldRun();
    expect(await rows.attempts(run)).toEqual([]);
    expect(await statusOf(run)).toBe('waiting');
    await admit.admit(person(team), run, await commitOf(run));
    expect(await rows.attempts(run)).toMatchObject([{ job_key: 'commit/unit', trust: 'untrusted', status: 'queued' }]);
    expect(await statusOf(run)).toBe('queued');
  });

  it('the summary says in which stage it is held, and no more once it was let go', async () => {
    const run = await heldRun();
    const labels = async () =>
      summariseRun((await new RunStates().read(database.db, run))!, { service: 'pay', team: 'shop' }).stages.map(
        ({ label }) => label,
      );
    expect(await labels()).toEqual(['Held', null, null, null]);
    await admit.admit(person(team), run, await commitOf(run));
    expect(await labels()).toEqual([null, null, null, null]);
  });

  it('I27: is audited with the commit, the pull request and the account that asked', async () => {
    const run = await heldRun();
    const commit = await commitOf(run);
    await admit.admit(person(team), run, commit);
    const entries = await database.db
      .selectFrom('audit_entries')
      .selectAll()
      .where('subject', '=', `run:${run}`)
      .execute();
    expect(entries).toMatchObject([
      { action: 'run.admit', actor: { name: 'Mira' }, detail: { commit, pullRequest: 17, account: '51' } },
    ]);
  });

  it('A16: another commit than that of the run is refused', async () => {
    const run = await heldRun();
    await expect(admit.admit(person(team), run, 'e'.repeat(40))).rejects.toMatchObject({ status: 409 });
    expect(await rows.attempts(run)).toEqual([]);
  });

  it('a viewer may not, and another team does not even see it', async () => {
    const run = await heldRun();
    const commit = await commitOf(run);
    await expect(admit.admit(person(team, 'viewer'), run, commit)).rejects.toMatchObject({ status: 403 });
    await expect(admit.admit(person(await rows.team()), run, commit)).rejects.toMatchObject({ status: 404 });
    expect(await rows.attempts(run)).toEqual([]);
  });

  it('F56: two people at the same moment let it go once', async () => {
    const run = await heldRun();
    const commit = await commitOf(run);
    await Promise.all([admit.admit(person(team), run, commit), admit.admit(person(team), run, commit)]);
    expect(await rows.attempts(run)).toHaveLength(1);
  });

  it('a re-run of what nobody has let go is held too, and of what was let go is not', async () => {
    const run = await heldRun();
    const commit = await commitOf(run);
    const again = await rerun.rerun(person(team), run);
    expect(await statusOf(again.runId)).toBe('waiting');
    await admit.admit(person(team), run, commit);
    expect(await statusOf((await rerun.rerun(person(team), run)).runId)).toBe('queued');
  });
});
