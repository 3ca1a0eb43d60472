import { describe, expect, test } from 'vitest';
import { waitingCause } from './waiting-cause.ts';
import type { QueuedAttempt } from './waiting-cause.ts';
import { ONE_OF_US, OPEN_GATE, RITA, TWO_OF_US, openedLane } from './testing/lane-builder.ts';

const attempt: QueuedAttempt = {
  kind: 'attempt',
  requirement: { teamId: 't1', trust: 'trusted', labels: ['gpu', 'arm64'] },
  readyAt: '2026-01-01T00:00:00.000Z',
};

describe('I07: a queued attempt says why it waits', () => {
  test.each([
    [undefined, 'no-pool', 'No pool takes trusted runs with the labels gpu, arm64.'],
    [{ name: 'main', runnersOnline: 0, ahead: 4 }, 'no-runner', 'No runner of the pool main is connected.'],
    [
      { name: 'main', runnersOnline: 2, ahead: 1 },
      'runner-busy',
      '2 runners of the pool main are busy; 1 job is ahead.',
    ],
    [
      { name: 'main', runnersOnline: 1, ahead: 0, unfit: [{ name: 'r1', trouble: 'The disk is full.' }] },
      'no-runner',
      'No runner of the pool main takes work. r1: The disk is full.',
    ],
    [
      { name: 'main', runnersOnline: 2, ahead: 0, unfit: [{ name: 'r1', trouble: null }] },
      'runner-busy',
      '2 runners of the pool main are busy; this is next.',
    ],
    [{ name: 'main', runnersOnline: 1, ahead: 0 }, 'runner-busy', '1 runner of the pool main is busy; this is next.'],
  ])('%o: %s', (pool, code, message) => {
    expect(waitingCause({ ...attempt, ...(pool && { pool }) })).toMatchObject({
      code,
      message,
      since: attempt.readyAt,
    });
  });
});

describe('I07: a waiting deployment says why it waits', () => {
  test('for approvals: how many of how many, and of whom', () => {
    const lane = openedLane(TWO_OF_US);
    lane.offer(7);
    lane.send(lane.approval(7, RITA));
    expect(waitingCause({ kind: 'deployment', lane: lane.state, deploymentId: 'd7' })).toEqual({
      code: 'approval',
      message: '1 of 2 approvals given for production.',
      since: '2026-01-01T00:00:02.000Z',
      endedBy: '1 approval by release-manager or admin.',
    });
  });

  test('behind a deployment', () => {
    const lane = openedLane(ONE_OF_US);
    lane.offer(7);
    lane.send(lane.approval(7, RITA));
    lane.offer(8);
    lane.send(lane.approval(8, RITA));
    expect(waitingCause({ kind: 'deployment', lane: lane.state, deploymentId: 'd8' })).toMatchObject({
      code: 'behind-deployment',
      message: 'The release of run 7 is being deployed here.',
      since: '2026-01-01T00:00:05.000Z',
    });
  });

  test('what runs, or is not there, waits for nothing', () => {
    const lane = openedLane(OPEN_GATE);
    lane.offer(7);
    expect(waitingCause({ kind: 'deployment', lane: lane.state, deploymentId: 'd7' })).toBeUndefined();
    expect(waitingCause({ kind: 'deployment', lane: lane.state, deploymentId: 'd9' })).toBeUndefined();
  });
});
