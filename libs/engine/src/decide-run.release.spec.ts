import { describe, expect, test } from 'vitest';
import { ANNA, createdRun } from './testing/run-builder.ts';
import type { PlayedRun } from './testing/run-builder.ts';

function releasing(environments = ['staging', 'production']): PlayedRun {
  const run = createdRun({ build: {}, test: { t: {} }, release: environments });
  run.end('build/image');
  run.end('test/t');
  return run;
}

function released(): PlayedRun {
  const run = releasing();
  run.send({ type: 'release-made', releaseId: 'rel-1' });
  return run;
}

const cancel = { type: 'cancel', by: ANNA } as const;
const withdraw = { type: 'withdraw-release', releaseId: 'rel-1' };

describe('making the release', () => {
  test('the run makes it when its last stage of jobs has passed', () => {
    const run = releasing();
    expect(run.effects.at(-1)).toEqual({ type: 'make-release' });
    expect(run.state).toMatchObject({
      status: 'running',
      stages: { release: { status: 'running' } },
      lanes: [{ status: 'queued' }, { status: 'queued' }],
    });
  });

  test('without a test stage it follows the build', () => {
    const run = createdRun({ build: {}, release: ['staging'] });
    run.end('build/image');
    expect(run.effects.at(-1)).toEqual({ type: 'make-release' });
  });

  test('an untrusted run makes none and says why', () => {
    const run = createdRun({ build: {}, release: ['staging'] }, 'untrusted');
    run.end('build/image');
    expect(run.effects.map(({ type }) => type)).not.toContain('make-release');
    expect(run.state).toMatchObject({
      status: 'passed',
      stages: { release: { status: 'skipped', reason: { code: 'untrusted-run' } } },
      lanes: [{ status: 'skipped' }],
    });
  });

  test('its id is recorded once', () => {
    const run = released();
    expect(run.state.releaseId).toBe('rel-1');
    expect(run.refused({ type: 'release-made', releaseId: 'rel-1' })).toBe('ignored');
    expect(run.refused({ type: 'release-made', releaseId: 'rel-2' })).toBe('other-release');
  });

  test('a release before its stage is rejected', () => {
    const run = createdRun({ build: {}, release: ['staging'] });
    expect(run.refused({ type: 'release-made', releaseId: 'rel-1' })).toBe('no-release');
    expect(
      run.refused({
        type: 'lane-changed',
        environment: 'staging',
        deploymentId: 'd',
        status: 'running',
        laneVersion: 1,
      }),
    ).toBe('no-release');
  });
});

describe('the mirror of the lanes', () => {
  test('waits while a lane waits, runs while one is active, passes with the last', () => {
    const run = released();
    const seen = [
      ['staging', 'running', 2],
      ['staging', 'unknown', 3],
      ['staging', 'passed', 4],
      ['production', 'waiting', 2],
      ['production', 'running', 3],
      ['production', 'passed', 4],
    ] as const;
    const statuses = seen.map(([environment, status, laneVersion]) => {
      run.lane(environment, status, laneVersion);
      return run.state.status;
    });
    expect(statuses).toEqual(['running', 'running', 'running', 'waiting', 'running', 'passed']);
    expect(run.state.lanes[1]).toMatchObject({
      environment: 'production',
      status: 'passed',
      deploymentId: 'd-production',
      laneVersion: 4,
    });
  });

  test.each([
    ['failed', 'failed'],
    ['rolled-back', 'failed'],
    ['errored', 'errored'],
    ['superseded', 'superseded'],
    ['cancelled', 'cancelled'],
  ] as const)('a lane that is %s ends the run as %s and the rest of the route is skipped', (lane, status) => {
    const run = released();
    const reason = { code: 'because', message: 'Because.' };
    run.lane('staging', lane, 2, { reason });
    expect(run.state).toMatchObject({
      status,
      reason,
      stages: { release: { status, reason } },
      lanes: [{ status: lane }, { status: 'skipped' }],
    });
  });

  test('an older, repeated or backward word is ignored; an unknown environment is rejected', () => {
    const run = released();
    run.lane('staging', 'running', 5);
    const word = {
      type: 'lane-changed',
      environment: 'staging',
      deploymentId: 'd-staging',
      status: 'failed',
      laneVersion: 4,
    } as const;
    expect(run.refused(word)).toBe('ignored');
    expect(run.refused({ ...word, status: 'running', laneVersion: 5 })).toBe('ignored');
    expect(run.refused({ ...word, status: 'waiting', laneVersion: 6 })).toBe('ignored');
    expect(run.refused({ ...word, environment: 'moon' })).toBe('unknown-environment');
  });
});

describe('cancel in the release stage', () => {
  test('I19: what waits at a gate is withdrawn, and the lane ends the run', () => {
    const run = released();
    run.lane('staging', 'waiting', 2);
    run.send(cancel);
    expect(run.effects.at(-1)).toEqual(withdraw);
    expect(run.state.status).toBe('waiting');
    run.lane('staging', 'cancelled', 3);
    expect(run.state.status).toBe('cancelled');
  });

  test('a deployment that runs is waited for; its success does not go on', () => {
    const run = released();
    run.lane('staging', 'running', 2);
    run.send(cancel);
    expect(run.effects).not.toContainEqual(withdraw);
    run.lane('staging', 'passed', 3);
    expect(run.state).toMatchObject({
      status: 'cancelled',
      stages: { release: { status: 'cancelled' } },
      lanes: [{ status: 'passed' }, { status: 'skipped' }],
    });
  });

  test('a release that is made after the cancel is taken back', () => {
    const run = releasing();
    run.send(cancel);
    expect(run.state).toMatchObject({ status: 'cancelled', stages: { release: { status: 'skipped' } } });
    expect(run.send({ type: 'release-made', releaseId: 'rel-1' })).toEqual([]);
    expect(run.effects.at(-1)).toEqual(withdraw);
  });

  test('a release that comes to wait after the end of a cancelled run is taken back', () => {
    const run = released();
    run.lane('staging', 'passed', 2);
    run.send(cancel);
    expect(run.state.status).toBe('cancelled');
    expect(run.lane('production', 'waiting', 2)).toEqual([]);
    expect(run.effects.at(-1)).toEqual(withdraw);
    expect(run.state.version).toBe(run.events.length);
  });
});
