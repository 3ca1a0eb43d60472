import { describe, expect, test } from 'vitest';
import { ANNA, IMAGE, createdRun } from './testing/run-builder.ts';

describe('retry', () => {
  test.each([
    ['lost', 'errored', 'runner-lost'],
    ['errored', 'errored', 'errored'],
    ['failed', 'failed', 'failed'],
  ] as const)('I03: %s is retried as often as the policy says, then the job is %s', (outcome, status, code) => {
    const run = createdRun({ commit: { a: { retry: { on: [outcome], times: 2 } } } });
    run.end('commit/a', outcome);
    expect(run.state).toMatchObject({ status: 'running', jobs: { 'commit/a': { status: 'queued' } } });
    run.end('commit/a', outcome);
    run.end('commit/a', outcome);
    expect(run.state.jobs['commit/a']?.attempts.map(({ number, status: one }) => [number, one])).toEqual([
      [1, outcome],
      [2, outcome],
      [3, outcome],
    ]);
    expect(run.state).toMatchObject({ status, reason: { code }, jobs: { 'commit/a': { status } } });
  });

  test('what the policy does not name is not retried', () => {
    const run = createdRun({ commit: { a: { retry: { on: ['lost', 'errored'], times: 5 } } } });
    run.end('commit/a', 'failed');
    expect(run.state.jobs['commit/a']).toMatchObject({ status: 'failed', attempts: [{ number: 1 }] });
  });

  test('a retry that passes makes the job pass', () => {
    const run = createdRun({ commit: { a: { retry: { on: ['lost'], times: 1 } } } });
    run.end('commit/a', 'lost');
    run.end('commit/a');
    expect(run.state.status).toBe('passed');
  });

  test('an attempt that is lost before it began leaves the run queued', () => {
    const run = createdRun({ commit: { a: { retry: { on: ['lost'], times: 1 } } } });
    run.send({ type: 'attempt-ended', jobKey: 'commit/a', attemptId: 'a1', outcome: 'lost' });
    expect(run.state).toMatchObject({
      status: 'queued',
      jobs: { 'commit/a': { attempts: [{ status: 'lost' }, { status: 'queued' }] } },
    });
  });
});

describe('reports of attempts', () => {
  test('F20 F21: a repeated or different second result is ignored; the first wins', () => {
    const run = createdRun({ commit: { a: {}, b: {} } });
    run.end('commit/a');
    const result = { type: 'attempt-ended', jobKey: 'commit/a', attemptId: 'a1', outcome: 'passed' } as const;
    expect(run.refused(result)).toBe('ignored');
    expect(run.refused({ ...result, outcome: 'failed' })).toBe('ignored');
    expect(run.refused({ type: 'attempt-started', jobKey: 'commit/a', attemptId: 'a1', runner: 'r' })).toBe('ignored');
  });

  test('a start that is reported twice counts once', () => {
    const run = createdRun({ commit: { a: {} } });
    const start = { type: 'attempt-started', jobKey: 'commit/a', attemptId: 'a1', runner: 'r' } as const;
    run.send(start);
    expect(run.refused(start)).toBe('ignored');
    expect(run.state.jobs['commit/a']?.attempts[0]).toMatchObject({ status: 'running', runner: 'r' });
  });

  test('an unknown attempt or job is rejected', () => {
    const run = createdRun({ commit: { a: {}, b: {} } });
    expect(run.refused({ type: 'attempt-started', jobKey: 'commit/a', attemptId: 'nobody', runner: 'r' })).toBe(
      'unknown-attempt',
    );
    expect(run.refused({ type: 'attempt-ended', jobKey: 'commit/x', attemptId: 'a1', outcome: 'passed' })).toBe(
      'unknown-attempt',
    );
    expect(run.refused({ type: 'attempt-ended', jobKey: 'commit/b', attemptId: 'a1', outcome: 'passed' })).toBe(
      'unknown-attempt',
    );
  });

  test('a result whose start was never heard proves the start', () => {
    const run = createdRun({ commit: { a: {} } });
    const events = run.send({ type: 'attempt-ended', jobKey: 'commit/a', attemptId: 'a1', outcome: 'passed' });
    expect(events.map(({ type }) => type).slice(0, 3)).toEqual(['run-started', 'attempt-started', 'attempt-ended']);
  });

  test('a runner that gives up unasked is trouble of ours', () => {
    const run = createdRun({ commit: { a: {} } });
    run.end('commit/a', 'cancelled');
    expect(run.state).toMatchObject({ status: 'errored', reason: { code: 'cancelled-by-runner' } });
  });
});

describe('the built image', () => {
  test('I15: its digest is recorded before the stage ends', () => {
    const run = createdRun({ build: {} });
    expect(run.end('build/image').map(({ type }) => type)).toEqual([
      'attempt-ended',
      'image-recorded',
      'job-ended',
      'stage-ended',
      'run-ended',
    ]);
    expect(run.state.image).toEqual(IMAGE);
  });

  test('a build that passed without a digest is errored and may be retried', () => {
    const run = createdRun({ build: { retry: { on: ['errored'], times: 1 } } });
    const ended = { type: 'attempt-ended', jobKey: 'build/image', outcome: 'passed' } as const;
    run.send({ ...ended, attemptId: 'a1' });
    expect(run.state.jobs['build/image']?.attempts).toHaveLength(2);
    run.send({ ...ended, attemptId: 'a2' });
    expect(run.state).toMatchObject({ status: 'errored', reason: { code: 'no-digest' } });
    expect(run.state.image).toBeUndefined();
  });
});

describe('cancel', () => {
  const cancel = { type: 'cancel', by: ANNA, reason: 'wrong branch' } as const;

  test('F61: a run of which nothing has begun ends at once', () => {
    const run = createdRun({ commit: { a: {}, b: { needs: ['a'] } }, build: {}, release: ['staging'] });
    run.send(cancel);
    expect(run.state).toMatchObject({
      status: 'cancelled',
      reason: { code: 'cancelled', message: 'Cancelled by Anna: wrong branch' },
      jobs: {
        'commit/a': { status: 'cancelled' },
        'commit/b': { status: 'skipped' },
        'build/image': { status: 'skipped' },
      },
      stages: { commit: { status: 'cancelled' }, build: { status: 'skipped' }, release: { status: 'skipped' } },
    });
    expect(run.effects.at(-1)).toEqual({ type: 'cancel-attempt', jobKey: 'commit/a', attemptId: 'a1' });
  });

  test.each(['passed', 'failed', 'errored', 'lost', 'cancelled'] as const)(
    'F60 F62 I19: a running attempt is waited for; %s counts as cancelled',
    (outcome) => {
      const run = createdRun({
        commit: { a: { retry: { on: ['lost', 'errored', 'failed'], times: 3 } }, b: {} },
        build: {},
      });
      run.send({ type: 'attempt-started', jobKey: 'commit/a', attemptId: 'a1', runner: 'r' });
      run.send(cancel);
      expect(run.state).toMatchObject({
        status: 'running',
        jobs: { 'commit/a': { status: 'running' }, 'commit/b': { status: 'cancelled' } },
      });
      expect(run.effects).toContainEqual({ type: 'cancel-attempt', jobKey: 'commit/a', attemptId: 'a1' });
      run.send({ type: 'attempt-ended', jobKey: 'commit/a', attemptId: 'a1', outcome });
      expect(run.state).toMatchObject({
        status: 'cancelled',
        jobs: { 'commit/a': { status: 'cancelled', attempts: [{ status: 'cancelled' }] } },
      });
    },
  );

  test('F60: a cancel that comes after the end is told so; a second one is ignored', () => {
    const run = createdRun({ commit: { a: {} } });
    run.send({ type: 'attempt-started', jobKey: 'commit/a', attemptId: 'a1', runner: 'r' });
    run.send(cancel);
    expect(run.refused(cancel)).toBe('ignored');
    run.end('commit/a');
    expect(run.refused(cancel)).toBe('already-finished');
  });
});
