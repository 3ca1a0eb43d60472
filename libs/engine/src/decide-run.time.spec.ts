import { describe, expect, test } from 'vitest';
import { nextWakeAt } from './next-wake.ts';
import { createdRun } from './testing/run-builder.ts';

describe('a pause before a retry', () => {
  const sketch = { commit: { a: { retry: { on: ['failed'], times: 3, delaySeconds: 10, factor: 3 } } } } as const;

  test('is an event with the time of the next attempt, and grows', () => {
    const run = createdRun(sketch);
    for (const seconds of [10, 30, 90]) {
      const event = run.end('commit/a', 'failed').find(({ type }) => type === 'retry-scheduled');
      const readyAt = nextWakeAt(run.state);
      expect(event).toMatchObject({ jobKey: 'commit/a', readyAt });
      expect(Date.parse(readyAt ?? '') - Date.parse(event?.at ?? '')).toBe(seconds * 1000);
      expect(run.state).toMatchObject({
        status: 'running',
        jobs: { 'commit/a': { status: 'queued', retryAt: readyAt } },
      });
      run.pass(seconds - 2);
      expect(run.refused({ type: 'wake' })).toBe('ignored');
      run.pass(1);
      expect(run.send({ type: 'wake' }).map(({ type }) => type)).toEqual(['attempt-queued']);
      expect(run.state.jobs['commit/a']?.retryAt).toBeUndefined();
    }
    run.end('commit/a', 'failed');
    expect(run.state).toMatchObject({ status: 'failed' });
    expect(nextWakeAt(run.state)).toBeUndefined();
  });

  test('is at most an hour', () => {
    const run = createdRun({ commit: { a: { retry: { on: ['lost'], times: 5, delaySeconds: 3000, factor: 10 } } } });
    run.end('commit/a', 'lost');
    run.pass(3000);
    run.send({ type: 'wake' });
    const at = run.end('commit/a', 'lost').at(-1)?.at ?? '';
    expect(Date.parse(nextWakeAt(run.state) ?? '') - Date.parse(at)).toBe(3_600_000);
  });

  test('ends with whatever command comes later: a lost wake-up costs time, not the job', () => {
    const run = createdRun({ commit: { ...sketch.commit, b: {} } });
    run.end('commit/a', 'failed');
    run.pass(20);
    expect(run.end('commit/b').some(({ type }) => type === 'attempt-queued')).toBe(true);
  });

  test('a cancel does not wait for it', () => {
    const run = createdRun(sketch);
    run.end('commit/a', 'failed');
    run.send({ type: 'cancel', by: { kind: 'user', name: 'Anna' } });
    expect(run.state).toMatchObject({ status: 'cancelled', jobs: { 'commit/a': { status: 'cancelled' } } });
  });
});

describe('a retry by exit code', () => {
  const sketch = { commit: { a: { retry: { on: [], exit: [75, 137], times: 1 } } } } as const;

  test('follows a step that ended with one of them', () => {
    const run = createdRun(sketch);
    run.end('commit/a', 'failed', { exitCode: 137 });
    expect(run.state.jobs['commit/a']?.attempts).toHaveLength(2);
  });

  test.each([{ exitCode: 1 }, {}])('not another one: %o', (more) => {
    const run = createdRun(sketch);
    run.end('commit/a', 'failed', more);
    expect(run.state.status).toBe('failed');
  });

  test('nor an outcome that is not the step’s', () => {
    const run = createdRun(sketch);
    run.end('commit/a', 'errored', { exitCode: 137 });
    expect(run.state.status).toBe('errored');
  });
});

describe('the time of a stage', () => {
  const sketch = { commit: { a: {}, b: {}, c: { needs: ['a'] } }, timeouts: { commit: 60 }, test: { t: {} } } as const;

  test('stops what runs, calls off what does not, and fails the stage', () => {
    const run = createdRun(sketch);
    run.send({ type: 'attempt-started', jobKey: 'commit/a', attemptId: 'a1', runner: 'r' });
    expect(nextWakeAt(run.state)).toBe('2026-01-01T00:01:01.000Z');
    run.pass(60);
    run.send({ type: 'wake' });
    expect(run.effects).toContainEqual({ type: 'cancel-attempt', jobKey: 'commit/a', attemptId: 'a1' });
    expect(run.state).toMatchObject({
      status: 'running',
      jobs: {
        'commit/a': { status: 'running' },
        'commit/b': { status: 'cancelled' },
        'commit/c': { status: 'skipped' },
      },
    });
    run.send({ type: 'attempt-ended', jobKey: 'commit/a', attemptId: 'a1', outcome: 'passed' });
    const reason = { code: 'stage-timeout', message: 'The commit stage took longer than its 60 s.' };
    expect(run.state).toMatchObject({
      status: 'failed',
      reason,
      stages: { commit: { status: 'failed', reason }, test: { status: 'skipped' } },
      jobs: { 'commit/a': { status: 'cancelled', reason } },
    });
  });

  test('a result that is there before the clock is looked at counts', () => {
    const run = createdRun({ commit: { a: {} }, timeouts: { commit: 60 } });
    run.pass(100);
    run.end('commit/a');
    expect(run.state.status).toBe('passed');
  });

  test('does not begin with the run but with the stage', () => {
    const run = createdRun({ commit: { a: {} }, test: { t: {} }, timeouts: { test: 60 } });
    expect(nextWakeAt(run.state)).toBeUndefined();
    run.pass(500);
    const at = run.end('commit/a').at(-1)?.at ?? '';
    expect(Date.parse(nextWakeAt(run.state) ?? '') - Date.parse(at)).toBe(60_000);
  });
});
