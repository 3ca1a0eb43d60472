import { describe, expect, test } from 'vitest';
import { decideLane } from './decide-lane.ts';
import { ONE_OF_US, OPEN_GATE, RITA, inOrder, offerOf, openedLane, openingOf } from './testing/lane-builder.ts';

const told = (effects: readonly { type: string }[]): readonly unknown[] =>
  effects.filter(({ type }) => type === 'tell-run');

describe('open-lane', () => {
  test('a lane is opened once', () => {
    expect(openedLane(OPEN_GATE).refused(openingOf())).toBe('ignored');
  });

  test('a lane that is not there takes nothing', () => {
    const ctx = { now: '2026-01-01T00:00:00.000Z', newId: () => 'x' };
    expect(decideLane(undefined, offerOf(1, openingOf().settings), ctx)).toMatchObject({
      kind: 'rejected',
      code: 'unknown-lane',
    });
  });
});

describe('offer', () => {
  test('an open gate lets a release start at once; its run hears the last word only', () => {
    const { events, effects } = openedLane(OPEN_GATE).offer(7);
    expect(events.map(({ type }) => type)).toEqual(['release-entered', 'deployment-started']);
    expect(effects).toEqual([
      { type: 'tell-run', runId: 'r7', environment: 'production', deploymentId: 'd7', status: 'running' },
      { type: 'start-deployment', deploymentId: 'd7' },
    ]);
  });

  test('a gate makes it wait', () => {
    const lane = openedLane(ONE_OF_US);
    expect(lane.offer(7).effects).toEqual([
      { type: 'tell-run', runId: 'r7', environment: 'production', deploymentId: 'd7', status: 'waiting' },
    ]);
    expect(lane.state.open).toMatchObject([
      { id: 'd7', status: 'waiting', enteredAt: '2026-01-01T00:00:02.000Z', approvals: [] },
    ]);
  });

  test('F20: offered again while it waits, runs, is live or has ended, it changes nothing', () => {
    const lane = openedLane(OPEN_GATE);
    lane.offer(7);
    const offer = offerOf(7, lane.state.settings);
    expect(lane.refused(offer)).toBe('ignored');
    lane.ended(7);
    expect(lane.refused({ ...offer, deploymentId: 'd-other' })).toBe('ignored');
    lane.offer(8);
    lane.ended(8, 'failed');
    expect(lane.refused({ ...offerOf(8, lane.state.settings), deploymentId: 'd-other' })).toBe('ignored');
  });

  test('a newer one supersedes those that wait, never the one that runs', () => {
    const lane = openedLane(ONE_OF_US);
    lane.offer(6);
    lane.send(lane.approval(6, RITA));
    lane.offer(7);
    const { effects } = lane.offer(8);
    expect(lane.shape).toBe('d6 running, d8 waiting');
    expect(told(effects)).toMatchObject([
      { deploymentId: 'd8', status: 'waiting' },
      {
        deploymentId: 'd7',
        status: 'superseded',
        reason: { code: 'superseded', message: 'The newer release of run 8 came while this one waited.' },
      },
    ]);
  });

  test('I14: one older than what waits or is live is superseded as it enters', () => {
    const lane = openedLane(ONE_OF_US);
    lane.offer(8);
    const { events, effects } = lane.offer(7);
    expect(events.map(({ type }) => type)).toEqual(['release-entered', 'deployment-ended']);
    expect(told(effects)).toMatchObject([
      {
        runId: 'r7',
        status: 'superseded',
        reason: { code: 'outdated', message: 'The newer release of run 8 waits here.' },
      },
    ]);
    lane.send(lane.approval(8, RITA));
    lane.ended(8);
    lane.offer(6);
    expect(lane.shape).toBe('');
    expect(lane.state.live?.release.runNumber).toBe(8);
  });

  test('I14: one older than what runs waits for its end: superseded if that passed, started if not', () => {
    for (const [outcome, shape] of [
      ['passed', ''],
      ['failed', 'd7 running'],
    ] as const) {
      const lane = openedLane(OPEN_GATE);
      lane.offer(8);
      lane.offer(7);
      expect(lane.shape).toBe('d8 running, d7 waiting');
      lane.ended(8, outcome);
      expect(lane.shape).toBe(shape);
    }
  });
});

describe('the end of a deployment', () => {
  test('passed makes it live and sends it on', () => {
    const lane = openedLane(OPEN_GATE);
    lane.offer(7);
    expect(lane.ended(7).effects).toMatchObject([
      { type: 'tell-run', status: 'passed' },
      { type: 'advance-release', releaseId: 'rel7', from: 'production' },
    ]);
    expect(lane.state).toMatchObject({ open: [], live: { deploymentId: 'd7', since: '2026-01-01T00:00:03.000Z' } });
  });

  test.each(['failed', 'errored', 'rolled-back'] as const)('%s keeps what was live', (outcome) => {
    const lane = openedLane(OPEN_GATE);
    lane.offer(7);
    lane.ended(7);
    lane.offer(8);
    expect(lane.ended(8, outcome).effects).toMatchObject([{ type: 'tell-run', runId: 'r8', status: outcome }]);
    expect(lane.state.live?.deploymentId).toBe('d7');
  });

  test('I13 F67: the next one that may go starts by itself', () => {
    const lane = openedLane(OPEN_GATE);
    lane.offer(7);
    lane.offer(8);
    expect(lane.shape).toBe('d7 running, d8 waiting');
    expect(lane.ended(7).effects.at(-1)).toEqual({ type: 'start-deployment', deploymentId: 'd8' });
    expect(lane.shape).toBe('d8 running');
  });

  test('unknown holds the lane until a look-up ends it', () => {
    const lane = openedLane(OPEN_GATE);
    lane.offer(7);
    lane.offer(8);
    const unknown = {
      type: 'deployment-unknown',
      deploymentId: 'd7',
      reason: { code: 'timeout', message: 'No answer.' },
    } as const;
    lane.send(unknown);
    expect(lane.shape).toBe('d7 unknown, d8 waiting');
    expect(lane.refused(unknown)).toBe('ignored');
    lane.ended(7);
    expect(lane.shape).toBe('d8 running');
  });

  test('F20 F21: a second end is ignored; the end of one that never began is rejected', () => {
    const lane = openedLane(ONE_OF_US);
    lane.offer(7);
    expect(lane.refused({ type: 'deployment-ended', deploymentId: 'd7', outcome: 'passed' })).toMatch(/^not-running: /);
    lane.send(lane.approval(7, RITA));
    lane.ended(7);
    expect(lane.refused({ type: 'deployment-ended', deploymentId: 'd7', outcome: 'failed' })).toBe('ignored');
  });
});

describe('withdraw', () => {
  const by = { kind: 'user', name: 'Anna' } as const;

  test('ends what waits, and its run hears it', () => {
    const lane = openedLane(ONE_OF_US);
    lane.offer(7);
    const { effects } = lane.send({ type: 'withdraw', releaseId: 'rel7', by });
    expect(effects).toMatchObject([{ status: 'cancelled', reason: { message: 'Withdrawn by Anna.' } }]);
    expect(lane.refused({ type: 'withdraw', releaseId: 'rel7', by })).toBe('ignored');
  });

  test('cannot end what runs', () => {
    const lane = openedLane(OPEN_GATE);
    lane.offer(7);
    expect(lane.refused({ type: 'withdraw', releaseId: 'rel7', by })).toMatch(/^already-running: /);
  });
});

describe('a lane where each release has its turn', () => {
  test('a newer one supersedes nothing, and waits for the older one even when its own gate is open', () => {
    const lane = openedLane(ONE_OF_US, inOrder(ONE_OF_US));
    lane.offer(6);
    lane.offer(7);
    lane.send(lane.approval(7, RITA));
    expect(lane.shape).toBe('d6 waiting, d7 waiting');
    lane.send(lane.approval(6, RITA));
    expect(lane.shape).toBe('d6 running, d7 waiting');
    lane.ended(6);
    expect(lane.shape).toBe('d7 running');
  });

  test('one that comes late has its turn by its run, as long as nothing newer has begun', () => {
    const lane = openedLane(OPEN_GATE, inOrder(OPEN_GATE));
    lane.offer(5);
    lane.offer(8);
    lane.offer(7);
    lane.ended(5);
    expect(lane.shape).toBe('d8 waiting, d7 running');
  });

  test('I14: one that is older than what is live is not deployed over it', () => {
    const lane = openedLane(OPEN_GATE, inOrder(OPEN_GATE));
    lane.offer(8);
    lane.ended(8);
    expect(told(lane.offer(7).effects)).toMatchObject([{ status: 'superseded', reason: { code: 'outdated' } }]);
  });

  test('a rejection ends a turn, and the next one begins', () => {
    const lane = openedLane(ONE_OF_US, inOrder(ONE_OF_US));
    lane.offer(6);
    lane.offer(7);
    lane.send(lane.approval(7, RITA));
    const { binding } = lane.approval(6, RITA);
    lane.send({ type: 'reject', deploymentId: 'd6', by: RITA, binding, reason: 'too risky' });
    expect(lane.shape).toBe('d7 running');
  });
});
