import { expect, it } from 'vitest';
import { mayKeep, rerunScopes } from './rerun-scopes.ts';

type Run = Parameters<typeof rerunScopes>[0];
const stagesOf = (...ends: Run['stages'][number]['status'][]): Run['stages'] =>
  (['commit', 'build', 'test', 'release'] as const).map((stage, index) => ({
    stage,
    status: ends[index] ?? 'queued',
    startedAt: null,
    finishedAt: null,
    label: null,
  }));
const jobs = ['commit/unit', 'build/image', 'test/acceptance'].map((key) => ({
  key,
  stage: key.split('/')[0],
})) as Run['jobs'];
const lanes = [{ environment: 'staging' }] as Run['lanes'];

it('offers the stages that nothing before has spoilt, and each job', () => {
  const failed = rerunScopes({ status: 'failed', stages: stagesOf('passed', 'passed', 'failed'), jobs, lanes });
  expect(failed.whole).toEqual([{ kind: 'all' }, { kind: 'failed' }]);
  expect(failed.stages).toEqual([
    { kind: 'stage', stage: 'build' },
    { kind: 'stage', stage: 'test' },
  ]);
  expect(failed.jobs).toEqual(jobs.map(({ key }) => ({ kind: 'job', job: key })));
});

it('offers no stage after the first one that failed, and no failed jobs of a run that passed', () => {
  expect(rerunScopes({ status: 'failed', stages: stagesOf('failed'), jobs, lanes }).stages).toEqual([]);
  const stages = stagesOf('passed', 'skipped', 'passed', 'passed');
  const passed = rerunScopes({ status: 'passed', stages, jobs: jobs.filter(({ stage }) => stage !== 'build'), lanes });
  expect(passed.whole).toEqual([{ kind: 'all' }]);
  expect(passed.stages).toEqual([
    { kind: 'stage', stage: 'test' },
    { kind: 'stage', stage: 'release' },
  ]);
});

it('keeps nothing of a release alone', () => {
  expect(mayKeep({ kind: 'stage', stage: 'release' })).toBe(false);
  expect(mayKeep({ kind: 'stage', stage: 'test' })).toBe(true);
});
