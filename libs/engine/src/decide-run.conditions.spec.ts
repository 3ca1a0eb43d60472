import { describe, expect, test } from 'vitest';
import { createdRun } from './testing/run-builder.ts';

const reason = { code: 'exit-code', message: 'Step "x" ended with exit code 1.' };

describe('a condition', () => {
  test('that is false skips the job with the reason, and those that need it', () => {
    const run = createdRun({
      commit: { docs: { if: 'changed("docs/**")' }, publish: { needs: ['docs'] }, verify: {} },
      facts: { changed: { 'docs/**': false } },
    });
    expect(run.state.jobs).toMatchObject({
      'commit/docs': {
        status: 'skipped',
        reason: { code: 'condition', message: 'Its condition is false: changed("docs/**")' },
      },
      'commit/publish': {
        status: 'skipped',
        reason: { code: 'need-skipped', message: 'Job "publish" needs "docs", which was skipped.' },
      },
      'commit/verify': { status: 'queued', attempts: [{ number: 1 }] },
    });
    run.end('commit/verify');
    expect(run.state).toMatchObject({ status: 'passed', stages: { commit: { status: 'passed' } } });
  });

  test('is decided when the needs have ended, on how they ended and what they wrote', () => {
    const run = createdRun({
      commit: {
        version: { outputs: ['changed'] },
        publish: {
          needs: ['version'],
          if: 'commit.version.status == "passed" && commit.version.outputs.changed == "yes"',
        },
      },
    });
    expect(run.state.jobs['commit/publish']?.status).toBe('queued');
    run.end('commit/version', 'passed', { outputs: { changed: 'yes' } });
    expect(run.state.jobs['commit/publish']?.attempts).toHaveLength(1);
  });

  test('A41 I24 in an untrusted run a job on the host fails before it reaches a runner, unless its condition keeps it out', () => {
    const jobs = { sign: { host: true }, kept: { host: true, if: 'event == "schedule"' }, verify: {} } as const;
    const run = createdRun({ commit: jobs }, 'untrusted');
    expect(run.state.jobs).toMatchObject({
      'commit/sign': { status: 'failed', attempts: [], reason: { code: 'untrusted-host' } },
      'commit/kept': { status: 'skipped', reason: { code: 'condition' } },
      'commit/verify': { status: 'queued', attempts: [{ number: 1 }] },
    });
    expect(createdRun({ commit: jobs }).state.jobs['commit/sign']?.attempts).toHaveLength(1);
  });

  test('a stage whose jobs were all skipped stops nothing', () => {
    const run = createdRun({ commit: { a: { if: 'branch == "dev"' } }, test: { t: {} } });
    expect(run.state).toMatchObject({
      status: 'queued',
      stages: { commit: { status: 'skipped' }, test: { status: 'queued' } },
    });
    run.end('test/t');
    expect(run.state.status).toBe('passed');
  });

  test('a run whose jobs were all skipped has passed at once', () => {
    expect(createdRun({ commit: { a: { if: 'branch == "dev"' } } }).state).toMatchObject({ status: 'passed' });
  });

  test('without the image, jobs that use it are skipped and nothing is released', () => {
    const run = createdRun({
      build: { if: 'branch == "dev"' },
      test: { t: { image: 'built' }, lint: {} },
      release: ['staging'],
    });
    expect(run.state.jobs['test/t']).toMatchObject({ status: 'skipped', reason: { code: 'no-image' } });
    run.end('test/lint');
    expect(run.state).toMatchObject({
      status: 'passed',
      stages: { release: { status: 'skipped', reason: { code: 'no-image' } } },
    });
  });

  test('that cannot be decided is trouble of ours, never a guess', () => {
    const run = createdRun({ commit: { a: { if: 'commit.gone.status == "passed"' } } });
    expect(run.state).toMatchObject({ status: 'errored', reason: { code: 'bad-condition' } });
  });
});

describe('when', () => {
  const sketch = {
    commit: {
      verify: {},
      report: { needs: ['verify'], when: 'failure' },
      clean: { needs: ['verify'], when: 'always' },
    },
  } as const;

  test('failure and always run after a failure, and do not mend it', () => {
    const run = createdRun(sketch);
    run.end('commit/verify', 'failed', { reason });
    run.end('commit/report');
    run.end('commit/clean');
    expect(run.state).toMatchObject({ status: 'failed', reason });
  });

  test('failure is skipped after a success', () => {
    const run = createdRun(sketch);
    run.end('commit/verify');
    run.end('commit/clean');
    expect(run.state).toMatchObject({
      status: 'passed',
      jobs: { 'commit/report': { status: 'skipped', reason: { code: 'nothing-failed' } } },
    });
  });
});

describe('a matrix', () => {
  const variant = (n: string) => ({ variant: { of: 'unit', values: { n } } });

  test('is needed as a whole', () => {
    const run = createdRun({
      commit: {
        'unit[n=1]': variant('1'),
        'unit[n=2]': variant('2'),
        after: { needs: ['unit[n=1]', 'unit[n=2]'] },
      },
    });
    run.end('commit/unit[n=1]');
    expect(run.state.jobs['commit/after']?.attempts).toEqual([]);
    run.end('commit/unit[n=2]', 'failed', { reason });
    expect(run.state.jobs['commit/after']?.reason?.message).toBe('Job "after" needs "unit[n=2]", which failed.');
  });

  test('of which a condition leaves something out still counts; of which it leaves nothing does not', () => {
    const needs = ['unit[n=1]', 'unit[n=2]'];
    const some = createdRun({
      commit: {
        'unit[n=1]': { ...variant('1'), if: 'matrix.n == "2"' },
        'unit[n=2]': { ...variant('2'), if: 'matrix.n == "2"' },
        after: { needs, if: 'commit.unit.status == "passed"' },
      },
    });
    some.end('commit/unit[n=2]');
    expect(some.state.jobs['commit/after']?.attempts).toHaveLength(1);
    const none = createdRun({
      commit: { 'unit[n=1]': { ...variant('1'), if: 'matrix.n == "2"' }, after: { needs: ['unit[n=1]'] } },
    });
    expect(none.state.jobs['commit/after']).toMatchObject({ status: 'skipped', reason: { code: 'need-skipped' } });
  });
});

describe('an allowed failure', () => {
  test('lets its stage pass with a warning, and what needs it run', () => {
    const run = createdRun({ commit: { lint: { allowFailure: true }, after: { needs: ['lint'] } }, test: { t: {} } });
    run.end('commit/lint', 'failed', { reason });
    run.end('commit/after');
    expect(run.state.stages.commit).toMatchObject({
      status: 'passed',
      warning: { code: 'allowed-failure', message: 'Job "lint" failed, which is allowed.' },
    });
    run.end('test/t');
    expect(run.state).toMatchObject({ status: 'passed', jobs: { 'commit/lint': { status: 'failed', allowed: true } } });
  });

  test('excuses no cancel', () => {
    const run = createdRun({ commit: { lint: { allowFailure: true } } });
    run.send({ type: 'cancel', by: { kind: 'user', name: 'Anna' } });
    expect(run.state).toMatchObject({ status: 'cancelled', stages: { commit: { status: 'cancelled' } } });
  });
});

describe('outputs', () => {
  test('are kept with the job that passed', () => {
    const run = createdRun({ commit: { v: { outputs: ['url'] } } });
    run.end('commit/v', 'passed', { outputs: { url: 'https://x' } });
    expect(run.state.jobs['commit/v']).toMatchObject({ status: 'passed', outputs: { url: 'https://x' } });
  });

  test.each([
    [{}, 'failed', 'output-missing'],
    [{ url: 'x', other: 'y' }, 'errored', 'bad-outputs'],
    [{ url: 'é'.repeat(2049) }, 'errored', 'bad-outputs'],
  ] as const)('%o: the job is %s (%s)', (outputs, status, code) => {
    const run = createdRun({ commit: { v: { outputs: ['url'] } } });
    run.end('commit/v', 'passed', { outputs });
    expect(run.state).toMatchObject({ status, reason: { code } });
  });
});
