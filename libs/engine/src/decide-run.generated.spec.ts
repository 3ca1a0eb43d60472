import { describe, expect, test } from 'vitest';
import { planRerun } from './plan-rerun.ts';
import { ANNA, createdRun, generatedJobs } from './testing/run-builder.ts';
import type { PlanSketch } from './testing/run-builder.ts';

const SKETCH: PlanSketch = {
  commit: { plan: { generate: true }, lint: {} },
  test: { smoke: {} },
};
const JOBS = generatedJobs('commit/plan', { a: {}, b: { needs: ['a'] } });

function generatedRun() {
  const run = createdRun(SKETCH);
  run.end('commit/lint');
  const events = run.end('commit/plan', 'passed', { generated: JOBS });
  return { run, events };
}

test('I08: generated jobs join their stage, which does not end before they have', () => {
  const { run, events } = generatedRun();
  expect(events.map(({ type }) => type)).toEqual(['attempt-ended', 'jobs-generated', 'job-ended', 'attempt-queued']);
  expect(run.state.plan.jobs.map(({ key }) => key)).toEqual([
    'commit/plan',
    'commit/lint',
    'commit/a',
    'commit/b',
    'test/smoke',
  ]);
  run.end('commit/a');
  expect(run.state).toMatchObject({ stages: { commit: { status: 'running' }, test: { status: 'queued' } } });
  run.end('commit/b');
  expect(run.state.stages.commit.status).toBe('passed');
  run.end('test/smoke');
  expect(run.state.status).toBe('passed');
});

test('a generated job that fails fails the stage', () => {
  const { run } = generatedRun();
  run.end('commit/a', 'failed');
  expect(run.state).toMatchObject({ status: 'failed', jobs: { 'commit/b': { reason: { code: 'need-not-passed' } } } });
});

test('nothing generated: the run goes on', () => {
  const run = createdRun(SKETCH);
  run.end('commit/lint');
  run.end('commit/plan', 'passed', { generated: [] });
  expect(run.state.stages.commit.status).toBe('passed');
});

test('F20: the same result again adds nothing', () => {
  const { run } = generatedRun();
  const attemptId = run.attempt('commit/plan');
  const again = {
    type: 'attempt-ended',
    jobKey: 'commit/plan',
    attemptId,
    outcome: 'passed',
    generated: JOBS,
  } as const;
  expect(run.refused(again)).toBe('ignored');
});

test('F60: a late success after a cancel generates nothing', () => {
  const run = createdRun(SKETCH);
  run.send({ type: 'attempt-started', jobKey: 'commit/plan', attemptId: run.attempt('commit/plan'), runner: 'r' });
  run.send({ type: 'cancel', by: ANNA });
  run.end('commit/plan', 'passed', { generated: JOBS });
  expect(run.state).toMatchObject({ status: 'cancelled', plan: { jobs: { length: 3 } } });
});

describe('what the check lets through by mistake is trouble of ours, and adds nothing', () => {
  test.each([
    ['nothing reported', undefined],
    ['a key that is there', generatedJobs('commit/plan', { lint: {} })],
    ['a key twice', [...JOBS, ...JOBS]],
    ['another stage', generatedJobs('test/smoke', { a: {} })],
    ['another job', generatedJobs('commit/lint', { a: {} })],
    ['an unknown need', generatedJobs('commit/plan', { a: { needs: ['nobody'] } })],
    ['further generation', generatedJobs('commit/plan', { a: { generate: true } })],
    [
      'too many',
      generatedJobs('commit/plan', Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`j${n}`, {}]))),
    ],
  ])('%s', (_, generated) => {
    const run = createdRun(SKETCH);
    run.end('commit/plan', 'passed', generated && { generated });
    expect(run.state.jobs['commit/plan']).toMatchObject({ status: 'errored', reason: { code: 'bad-generated' } });
    expect(run.state.plan.jobs).toHaveLength(3);
  });
});

describe('a re-run has the same plan', () => {
  test('the jobs are those of the first run, and the one that generated them generates no more', () => {
    const { run: old } = generatedRun();
    old.end('commit/a', 'failed');
    expect(planRerun(old.state, { kind: 'all' })).toEqual({ kind: 'accepted' });
    const run = createdRun(old.state.plan);
    run.end('commit/plan');
    expect(run.state.plan).toEqual(old.state.plan);
    expect(run.state.jobs['commit/a']?.attempts).toHaveLength(1);
  });

  test('failed only: the job that generated is taken over; done again, so is what it generated', () => {
    const { run: old } = generatedRun();
    old.end('commit/a', 'failed');
    const failed = planRerun(old.state, { kind: 'failed' });
    expect(failed.kind === 'accepted' && Object.keys(failed.carried?.jobs ?? {})).toEqual([
      'commit/plan',
      'commit/lint',
    ]);
    const named = planRerun(old.state, { kind: 'job', job: 'commit/plan' });
    expect(named.kind === 'accepted' && Object.keys(named.carried?.jobs ?? {})).toEqual(['commit/lint']);
  });

  test('a job whose fragment was refused generates in the re-run', () => {
    const old = createdRun(SKETCH);
    old.end('commit/plan', 'failed');
    const run = createdRun(old.state.plan);
    run.end('commit/plan', 'passed', { generated: JOBS });
    expect(run.state.plan.jobs).toHaveLength(5);
  });
});
