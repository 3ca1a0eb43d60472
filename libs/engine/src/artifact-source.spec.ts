import { expect, test } from 'vitest';
import { artifactSource } from './artifact-source.ts';
import { planRerun } from './plan-rerun.ts';
import { createdRun } from './testing/run-builder.ts';
import type { PlanSketch } from './testing/run-builder.ts';

const DIST = { stage: 'commit', job: 'compile', artifact: 'dist' } as const;
const SKETCH: PlanSketch = {
  commit: { compile: {}, shaky: { allowFailure: true } },
  test: { uses: { use: [DIST] }, fails: {} },
};

test('an artifact is looked for where its job passed, and a job that did not pass has none', () => {
  const run = createdRun(SKETCH);
  expect(artifactSource(run.state, DIST)).toEqual({ kind: 'none' });
  run.end('commit/compile');
  run.end('commit/shaky', 'failed');
  expect(artifactSource(run.state, DIST)).toEqual({
    kind: 'left',
    runId: 'r1',
    jobKey: 'commit/compile',
    name: 'dist',
  });
  expect(artifactSource(run.state, { ...DIST, job: 'shaky' })).toEqual({ kind: 'none' });
});

test('a re-run of a re-run finds what the first run left', () => {
  const run = createdRun(SKETCH);
  run.end('commit/compile');
  run.end('commit/shaky');
  run.end('test/uses');
  run.end('test/fails', 'failed');
  let carried = planRerun(run.state, { kind: 'failed' });
  for (const id of ['r2', 'r3']) {
    if (carried.kind !== 'accepted') throw new Error('refused');
    const again = createdRun(SKETCH, 'trusted', carried.carried);
    expect(artifactSource(again.state, DIST)).toMatchObject({ kind: 'left', runId: 'r1' });
    again.end('test/fails', 'failed');
    carried = planRerun({ ...again.state, runId: id }, { kind: 'failed' });
  }
});

test('who uses an artifact is done anew with the job that leaves it', () => {
  const run = createdRun(SKETCH);
  for (const key of ['commit/compile', 'commit/shaky', 'test/uses', 'test/fails'] as const) run.end(key);
  const answer = planRerun(run.state, { kind: 'job', job: 'commit/compile' });
  expect(Object.keys((answer.kind === 'accepted' && answer.carried?.jobs) || {})).toEqual([
    'commit/shaky',
    'test/fails',
  ]);
});
