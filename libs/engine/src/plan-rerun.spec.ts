import { describe, expect, test } from 'vitest';
import { planRerun } from './plan-rerun.ts';
import { createdRun, IMAGE } from './testing/run-builder.ts';
import type { PlanSketch } from './testing/run-builder.ts';

const SKETCH: PlanSketch = {
  commit: { lint: { allowFailure: true }, version: { outputs: ['n'] }, docs: { if: 'branch == "dev"' } },
  build: {},
  test: {
    'unit[n=1]': { variant: { of: 'unit', values: { n: '1' } } },
    'unit[n=2]': { variant: { of: 'unit', values: { n: '2' } } },
    smoke: { envFrom: { V: { stage: 'commit', job: 'version', output: 'n' } } },
    after: { needs: ['smoke'] },
  },
  release: ['staging'],
};

/** Everything passed, but for the unit test with n=2. */
function failedRun() {
  const run = createdRun(SKETCH);
  run.end('commit/lint', 'failed');
  run.end('commit/version', 'passed', { outputs: { n: '1.2' } });
  run.end('build/image');
  run.end('test/unit[n=1]');
  run.end('test/unit[n=2]', 'failed');
  run.end('test/smoke');
  run.end('test/after');
  expect(run.state.status).toBe('failed');
  return run;
}

function anew(scope: Parameters<typeof planRerun>[1]): string[] | string {
  const { state } = failedRun();
  const answer = planRerun(state, scope);
  if (answer.kind === 'rejected') return answer.code;
  return state.plan.jobs.map(({ key }) => key).filter((key) => answer.carried?.jobs[key] === undefined);
}

describe('what is done anew', () => {
  test('all', () => expect(anew({ kind: 'all' })).toHaveLength(8));

  test('failed only: what did not pass, the allowed failure too', () => {
    expect(anew({ kind: 'failed' })).toEqual(['commit/lint', 'test/unit[n=2]']);
  });

  test.each([
    ['test/unit[n=1]', ['test/unit[n=1]', 'test/unit[n=2]']],
    ['test/unit', ['test/unit[n=1]', 'test/unit[n=2]']],
    ['test/smoke', ['test/unit[n=2]', 'test/smoke', 'test/after']],
    ['commit/version', ['commit/version', 'test/unit[n=2]', 'test/smoke', 'test/after']],
    ['build/image', ['build/image', 'test/unit[n=1]', 'test/unit[n=2]', 'test/smoke', 'test/after']],
    ['test/none', 'unknown-job'],
  ])('the job %s, what depends on it, and what did not pass: %o', (job, keys) => {
    expect(anew({ kind: 'job', job })).toEqual(keys);
  });

  test('from a stage', () => {
    expect(anew({ kind: 'stage', stage: 'test' })).toEqual([
      'test/unit[n=1]',
      'test/unit[n=2]',
      'test/smoke',
      'test/after',
    ]);
    expect(anew({ kind: 'stage', stage: 'release' })).toBe('earlier-stage-not-passed');
    expect(planRerun(createdRun({ commit: { a: {} } }).state, { kind: 'stage', stage: 'test' })).toMatchObject({
      code: 'run-not-ended',
    });
  });
});

test('the re-run takes over statuses, outputs and the digest, and ends with the same image', () => {
  const old = failedRun();
  const answer = planRerun(old.state, { kind: 'failed' });
  if (answer.kind !== 'accepted') throw new Error('refused');
  const run = createdRun(SKETCH, 'trusted', answer.carried);
  expect(run.state).toMatchObject({
    status: 'running',
    image: IMAGE,
    jobs: {
      'commit/version': { status: 'passed', outputs: { n: '1.2' }, carriedFrom: 'r1', attempts: [] },
      'commit/docs': { status: 'skipped', carriedFrom: 'r1' },
      'commit/lint': { status: 'queued', attempts: [{ number: 1 }] },
    },
  });
  run.end('commit/lint');
  expect(run.state.stages.build.status).toBe('passed');
  run.end('test/unit[n=2]');
  expect(run.effects.at(-1)).toEqual({ type: 'make-release' });
});

test('from the release stage: everything is taken over and the same digest is released again', () => {
  const old = createdRun({ commit: { a: {} }, build: {}, release: ['staging'] });
  old.end('commit/a');
  old.end('build/image');
  old.send({ type: 'release-made', releaseId: 'rel' });
  old.lane('staging', 'failed', 1);
  const answer = planRerun(old.state, { kind: 'stage', stage: 'release' });
  if (answer.kind !== 'accepted') throw new Error('refused');
  const run = createdRun({ commit: { a: {} }, build: {}, release: ['staging'] }, 'trusted', answer.carried);
  expect(run.state).toMatchObject({ status: 'running', image: IMAGE, stages: { build: { status: 'passed' } } });
  expect(run.effects).toEqual([{ type: 'make-release' }]);
});

describe('refused', () => {
  test('a run that has not ended, unless all of it is wanted', () => {
    const { state } = createdRun({ commit: { a: {} } });
    expect(planRerun(state, { kind: 'failed' })).toMatchObject({ kind: 'rejected', code: 'run-not-ended' });
    expect(planRerun(state, { kind: 'all' })).toEqual({ kind: 'accepted' });
  });

  test('failed only, when everything passed', () => {
    const run = createdRun({ commit: { a: {}, b: { if: 'branch == "dev"' } } });
    run.end('commit/a');
    expect(planRerun(run.state, { kind: 'failed' })).toMatchObject({ code: 'nothing-failed' });
  });

  test('a run without a plan', () => {
    expect(planRerun(createdRun({}).state, { kind: 'all' })).toMatchObject({ code: 'nothing-to-run' });
  });
});
