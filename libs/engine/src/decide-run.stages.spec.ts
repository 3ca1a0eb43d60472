import { describe, expect, test } from 'vitest';
import { decideRun } from './decide-run.ts';
import { foldRun } from './evolve-run.ts';
import { createdRun, identityOf, planOf } from './testing/run-builder.ts';

const types = (events: readonly { type: string }[]): string[] => events.map(({ type }) => type);

describe('create', () => {
  test('queues the jobs of the first stage that need nothing', () => {
    const run = createdRun({ commit: { lint: {}, verify: { needs: ['lint'] }, types: {} }, build: {} });
    expect(types(run.events)).toEqual(['run-created', 'stage-started', 'attempt-queued', 'attempt-queued']);
    expect(run.effects).toEqual([
      { type: 'queue-attempt', jobKey: 'commit/lint', attemptId: 'a1', number: 1 },
      { type: 'queue-attempt', jobKey: 'commit/types', attemptId: 'a2', number: 1 },
    ]);
    expect(run.state).toMatchObject({
      status: 'queued',
      version: 4,
      stages: { commit: { status: 'queued' }, test: { status: 'skipped' } },
    });
  });

  test('begins with the first stage that is there', () => {
    const run = createdRun({ build: {} });
    expect(run.state.stages.commit.status).toBe('skipped');
    expect(run.state.jobs['build/image']?.attempts).toHaveLength(1);
  });

  test('an empty plan ends at once as passed', () => {
    const run = createdRun({});
    expect(types(run.events)).toEqual(['run-created', 'run-ended']);
    expect(run.state).toMatchObject({ status: 'passed', finishedAt: run.state.createdAt });
  });

  test('F20: creating the same run again is ignored, another run in its place is rejected', () => {
    const run = createdRun({ build: {} });
    const create = { type: 'create', identity: identityOf(), plan: planOf({ build: {} }) } as const;
    expect(run.refused(create)).toBe('ignored');
    expect(run.refused({ ...create, identity: { ...identityOf(), runId: 'r2' } })).toBe('other-run');
  });

  test('a command to a run that does not exist is rejected', () => {
    const decision = decideRun(
      undefined,
      { type: 'release-made', releaseId: 'x' },
      { now: '2026-01-01T00:00:00.000Z', newId: () => 'a' },
    );
    expect(decision).toMatchObject({ kind: 'rejected', code: 'unknown-run' });
  });

  test('ends a run whose definition cannot be used at once as failed, with the reason on the commit stage', () => {
    const refused = { code: 'bad-definition', message: 'sluice.yaml:3:1: Unknown key "comit".' };
    const decision = decideRun(
      undefined,
      { type: 'create', identity: identityOf(), plan: planOf({}), refused },
      { now: '2026-01-01T00:00:00.000Z', newId: () => 'never' },
    );
    if (decision.kind !== 'accepted') throw new Error('refused');
    expect(decision.effects).toEqual([]);
    expect(foldRun(decision.events)).toMatchObject({
      status: 'failed',
      reason: refused,
      stages: { commit: { status: 'failed', reason: refused }, build: { status: 'skipped' } },
    });
  });
});

describe('order', () => {
  test('I08: a job starts when the last of its needs has passed', () => {
    const run = createdRun({ commit: { a: {}, b: {}, both: { needs: ['a', 'b'] } } });
    run.end('commit/a');
    expect(run.state.jobs['commit/both']?.attempts).toEqual([]);
    run.end('commit/b');
    expect(run.state.jobs['commit/both']?.attempts).toHaveLength(1);
  });

  test('I08: a stage starts when the one before has passed, over absent ones', () => {
    const run = createdRun({ commit: { a: {}, b: {} }, test: { t: {} } });
    run.end('commit/a');
    expect(run.state.stages.test.startedAt).toBeUndefined();
    run.end('commit/b');
    expect(run.state).toMatchObject({
      status: 'running',
      stages: { commit: { status: 'passed' }, build: { status: 'skipped' }, test: { status: 'queued' } },
    });
    expect(types(run.end('test/t'))).toEqual(['attempt-ended', 'job-ended', 'stage-ended', 'run-ended']);
    expect(run.state.status).toBe('passed');
  });

  test('times come from the events', () => {
    const run = createdRun({ commit: { a: {} } });
    run.end('commit/a');
    expect(run.state).toMatchObject({
      createdAt: '2026-01-01T00:00:01.000Z',
      startedAt: '2026-01-01T00:00:02.000Z',
      finishedAt: '2026-01-01T00:00:03.000Z',
      stages: { commit: { startedAt: '2026-01-01T00:00:01.000Z', finishedAt: '2026-01-01T00:00:03.000Z' } },
      jobs: {
        'commit/a': {
          queuedAt: '2026-01-01T00:00:01.000Z',
          startedAt: '2026-01-01T00:00:02.000Z',
          finishedAt: '2026-01-01T00:00:03.000Z',
        },
      },
    });
  });
});

describe('a job that fails', () => {
  const reason = { code: 'exit-code', message: 'Step "npm test" ended with exit code 1.' };

  test('others go on to their end, those that need it are skipped, then the run fails with its reason', () => {
    const run = createdRun({
      commit: { bad: {}, after: { needs: ['bad'] }, last: { needs: ['after'] }, free: {}, next: { needs: ['free'] } },
      build: {},
      release: ['staging'],
    });
    run.end('commit/bad', 'failed', { reason, exitCode: 1 });
    expect(run.state).toMatchObject({
      status: 'running',
      jobs: { 'commit/after': { status: 'skipped' }, 'commit/last': { status: 'skipped' } },
    });
    run.end('commit/free');
    run.end('commit/next');
    expect(run.state).toMatchObject({
      status: 'failed',
      reason,
      stages: { commit: { status: 'failed', reason }, build: { status: 'skipped' }, release: { status: 'skipped' } },
      jobs: { 'commit/next': { status: 'passed' }, 'build/image': { status: 'skipped' } },
      lanes: [{ environment: 'staging', status: 'skipped' }],
    });
    expect(run.state.jobs['commit/bad']?.attempts[0]).toMatchObject({ exitCode: 1, reason: reason.message });
    expect(run.state.jobs['commit/after']?.reason?.message).toBe('Job "after" needs "bad", which failed.');
  });

  test('a stage in which one job failed and one errored is failed, with the reason of the failed one', () => {
    const run = createdRun({ commit: { ours: {}, theirs: {} } });
    run.end('commit/ours', 'errored');
    run.end('commit/theirs', 'failed', { reason });
    expect(run.state).toMatchObject({ status: 'failed', reason });
  });

  test('a stage in which jobs only errored is errored', () => {
    const run = createdRun({ commit: { ours: {}, fine: {} } });
    run.end('commit/fine');
    run.end('commit/ours', 'errored', { reason: { code: 'image-pull', message: 'No such image.' } });
    expect(run.state).toMatchObject({ status: 'errored', reason: { code: 'image-pull' } });
  });
});

describe('a newer push to the same ref', () => {
  const sketch = {
    commit: { verify: {} },
    build: {},
    release: ['staging'],
    concurrency: { cancel: 'superseded' },
  } as const;
  const newer = { type: 'supersede', number: 8, event: 'push', trust: 'trusted' } as const;

  test('ends a run that waits, at once', () => {
    const run = createdRun(sketch);
    run.send(newer);
    expect(run.state).toMatchObject({
      status: 'superseded',
      jobs: { 'commit/verify': { status: 'cancelled' }, 'build/image': { status: 'skipped' } },
      reason: { code: 'superseded', message: 'Run 8 of a newer push took its place.' },
    });
  });

  test('stops what runs and waits for it; a result that comes late counts no more (F60)', () => {
    const run = createdRun(sketch);
    const attemptId = run.attempt('commit/verify');
    run.send({ type: 'attempt-started', jobKey: 'commit/verify', attemptId, runner: 'runner-1' });
    run.send(newer);
    expect(run.effects).toContainEqual({ type: 'cancel-attempt', jobKey: 'commit/verify', attemptId });
    expect(run.state.status).toBe('running');
    run.end('commit/verify', 'passed');
    expect(run.state).toMatchObject({ status: 'superseded', stages: { release: { status: 'skipped' } } });
  });

  test('leaves a run alone whose release is on its way', () => {
    const run = createdRun(sketch);
    run.end('commit/verify');
    run.end('build/image');
    expect(run.refused(newer)).toBe('ignored');
    run.send({ type: 'release-made', releaseId: 'rel-1' });
    run.lane('staging', 'waiting', 1);
    expect(run.refused(newer)).toBe('ignored');
  });

  test.each([
    ['whose definition does not say so', { ...sketch, concurrency: {} }, newer],
    ['that is newer itself', sketch, { ...newer, number: 7 }],
    ['of another level of trust', sketch, { ...newer, trust: 'untrusted' }],
    ['of another kind of event', sketch, { ...newer, event: 'pull_request' }],
  ] as const)('leaves a run alone %s', (_, plan, command) => {
    expect(createdRun(plan).refused(command)).toBe('ignored');
  });

  test('twice is once', () => {
    const run = createdRun(sketch);
    run.send(newer);
    expect(run.refused(newer)).toBe('ignored');
  });
});
