import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobKey, RunCommand } from '@sluice/engine';
import { UuidV7 } from '../../platform/clock/system-clock.ts';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { PipelineRows, type TestTeam } from '../../testing/pipeline-rows.ts';
import { Audit, ChainHead } from '../audit/index.ts';
import { KeepSettings } from './keep-settings.ts';
import { Rerun } from './rerun.ts';
import { RunStates } from './run-states.ts';

const STAGES = `
commit:
  jobs:
    version: { image: 'node:24', outputs: [number], steps: [{ run: x }] }
    unit: { image: 'node:24', matrix: { node: [22, 24] }, steps: [{ run: x }] }
build: { image: { repository: registry.example.com/shop } }
test:
  jobs:
    smoke: { image: built, env: { V: { from: commit.version.outputs.number } }, steps: [{ run: x }] }
`;
const IMAGE = { repository: 'registry.example.com/shop', digest: `sha256:${'1'.repeat(64)}` };

describe('Rerun on PostgreSQL', () => {
  let database: TestDatabase;
  let rows: PipelineRows;
  let rerun: Rerun;
  beforeAll(async () => {
    database = await testDatabase();
    rows = new PipelineRows(database);
    await rows.pool();
    rerun = new Rerun(
      database.transactions,
      new UuidV7(),
      rows.runs,
      new RunStates(),
      new Audit(new ChainHead(Buffer.alloc(32))),
      new KeepSettings(60),
    );
  });
  afterAll(() => database.close());

  const person = ({ teamId }: TestTeam): UserPrincipal => ({
    kind: 'user',
    userId: rows.ids.next(),
    name: 'Mira',
    email: 'mira@example.com',
    systemAdmin: false,
    memberships: [{ teamId, team: 'team', title: 'Team', role: 'developer' }],
    via: 'session',
    scopes: [],
  });
  const end = async (
    runId: string,
    key: JobKey,
    more: Partial<Extract<RunCommand, { type: 'attempt-ended' }>> = {},
  ) => {
    const attempt = (await rows.attempts(runId)).find((row) => row.job_key === key);
    await database.transactions.run((unit) =>
      rows.runs.apply(unit, runId, {
        type: 'attempt-ended',
        jobKey: key,
        attemptId: attempt!.id,
        outcome: 'passed',
        ...more,
      }),
    );
  };

  async function failedRun() {
    const team = await rows.team();
    const runId = await rows.run(team, STAGES);
    await end(runId, 'commit/version', { outputs: { number: '1.4' } });
    await end(runId, 'commit/unit[node=22]');
    await end(runId, 'commit/unit[node=24]');
    await end(runId, 'build/image', { image: IMAGE });
    await end(runId, 'test/smoke', { outcome: 'failed' });
    expect((await rows.stateOf(runId)).status).toBe('failed');
    return { team, runId };
  }

  it('failed only: queues what failed alone, with the outputs and the digest of the run before', async () => {
    const { team, runId } = await failedRun();
    const again = await rerun.rerun(person(team), runId, { kind: 'failed' });
    expect((await rows.attempts(again.runId)).map((row) => row.job_key)).toEqual(['test/smoke']);
    const state = await rows.stateOf(again.runId);
    expect(state).toMatchObject({
      image: IMAGE,
      trigger: { kind: 'rerun', rerunOf: runId, rerunScope: { kind: 'failed' } },
      jobs: { 'commit/version': { status: 'passed', outputs: { number: '1.4' }, carriedFrom: runId } },
      stages: { commit: { status: 'passed' }, build: { status: 'passed' } },
    });
    expect(state.plan).toEqual((await rows.stateOf(runId)).plan);
  });

  it.each([
    [{ kind: 'all' }, ['commit/unit[node=22]', 'commit/unit[node=24]', 'commit/version']],
    [{ kind: 'stage', stage: 'build' }, ['build/image']],
    [{ kind: 'job', job: 'commit/unit' }, ['commit/unit[node=22]', 'commit/unit[node=24]']],
  ] as const)('%o queues %o first', async (scope, keys) => {
    const { team, runId } = await failedRun();
    const again = await rerun.rerun(person(team), runId, scope);
    expect((await rows.attempts(again.runId)).map((row) => row.job_key).toSorted()).toEqual(keys);
  });

  it.each([
    [{ kind: 'job', job: 'test/none' }, 'unknown-job'],
    [{ kind: 'stage', stage: 'release' }, 'unknown-stage'],
  ] as const)('%o is refused with 409 %s', async (scope, code) => {
    const { team, runId } = await failedRun();
    await expect(rerun.rerun(person(team), runId, scope)).rejects.toMatchObject({ status: 409, code });
  });

  it('keeps containers of jobs that fail in it when that is asked for, and may be', async () => {
    const team = await rows.team();
    const oldRun = await rows.run(team, STAGES);
    await end(oldRun, 'commit/unit[node=22]' as JobKey, { outcome: 'failed' });
    const by = person(team);
    const { runId } = await rerun.rerun(by, oldRun, { kind: 'all' }, { keepMinutes: 7 });
    const run = await database.db.selectFrom('runs').selectAll().where('id', '=', runId).executeTakeFirstOrThrow();
    expect(run).toMatchObject({ keep_minutes: 7, keep_asked_by: { name: 'Mira' } });
    // What was asked of one run is not asked of its re-run.
    const again = await rerun.rerun(by, runId);
    const plain = await database.db
      .selectFrom('runs')
      .selectAll()
      .where('id', '=', again.runId)
      .executeTakeFirstOrThrow();
    expect(plain).toMatchObject({ keep_minutes: null, keep_asked_by: null });
  });

  it.each([
    ['A45 I24: of an untrusted run', 'debug-untrusted', STAGES, 'untrusted', 5],
    ['for too long', 'keep-too-long', STAGES, 'trusted', 61],
    [
      'of jobs without a container of their own',
      'nothing-to-keep',
      'build: { image: { repository: registry.example.com/shop } }',
      'trusted',
      5,
    ],
  ] as const)('keeps no container %s', async (_, code, stages, trust, keepMinutes) => {
    const team = await rows.team();
    const oldRun = await rows.run(team, stages, trust);
    await expect(rerun.rerun(person(team), oldRun, { kind: 'all' }, { keepMinutes })).rejects.toMatchObject({ code });
    const runs = await database.db.selectFrom('runs').select('id').where('service_id', '=', team.serviceId).execute();
    expect(runs).toHaveLength(1);
  });

  it('keeps no container where the installation keeps none', () => {
    expect(new KeepSettings(0).refusal({ trust: 'trusted' })).toMatchObject({ code: 'debug-off' });
  });
});
