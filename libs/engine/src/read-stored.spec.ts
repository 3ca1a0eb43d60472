import { describe, expect, test } from 'vitest';
import {
  NewerVersionError,
  UnreadableRecordError,
  readLaneEvent,
  readLaneState,
  readPlan,
  readRunEvent,
  readRunState,
  upcast,
} from './read-stored.ts';
import { BrokenHistoryError, evolveRun, foldRun } from './evolve-run.ts';
import { evolveLane, foldLane } from './evolve-lane.ts';
import { createdRun } from './testing/run-builder.ts';
import { OPEN_GATE, openedLane } from './testing/lane-builder.ts';

const stored = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

test('I34: what was stored is read back as it was, and folds to the same state', () => {
  const run = createdRun({ commit: { a: {} }, build: {}, release: ['staging'] });
  run.end('commit/a');
  run.end('build/image');
  expect(readRunState(stored(run.state))).toEqual(run.state);
  expect(foldRun(run.events.map((event) => readRunEvent(stored(event))))).toEqual(run.state);
  const lane = openedLane(OPEN_GATE);
  const { events } = lane.offer(7);
  expect(readLaneState(stored(lane.state))).toEqual(lane.state);
  expect(events.map((event) => readLaneEvent(stored(event)))).toEqual(events);
});

describe('a newer version is refused with what to do', () => {
  const run = createdRun({});
  test.each([
    ['run event', 3, () => readRunEvent({ ...run.events[0], v: 3 })],
    ['run', 3, () => readRunState({ ...run.state, schemaVersion: 3 })],
    ['lane event', 2, () => readLaneEvent({ v: 2 })],
    ['lane', 2, () => readLaneState({ schemaVersion: 2 })],
    ['plan', 3, () => readPlan({ schemaVersion: 3 })],
    ['plan', 3, () => readRunState({ ...run.state, plan: { ...run.state.plan, schemaVersion: 3 } })],
    ['plan', 3, () => readRunEvent({ ...run.events[0], plan: { schemaVersion: 3 } })],
  ] as const)('%s', (what, found, read) => {
    expect(read).toThrow(new NewerVersionError(what, found, found - 1));
    expect(read).toThrow(
      `The stored ${what} has version ${found}, but this Sluice knows versions up to ${found - 1}: update it to read on.`,
    );
  });
});

test.each([[null], ['text'], [[]], [{}], [{ v: 0 }], [{ v: '1' }], [{ v: 1.5 }]])('%o is not a record', (value) => {
  expect(() => readRunEvent(value)).toThrow(UnreadableRecordError);
});

describe('upcast', () => {
  const steps = [(old: object) => ({ ...old, colour: 'red' }), (old: object) => ({ ...old, size: 1 })];

  test('lifts an old record version by version', () => {
    expect(upcast('thing', { v: 1, name: 'x' }, 'v', 3, steps)).toEqual({ v: 3, name: 'x', colour: 'red', size: 1 });
    expect(upcast('thing', { v: 2, name: 'x' }, 'v', 3, steps)).toEqual({ v: 3, name: 'x', size: 1 });
  });

  test('a version without a step is refused', () => {
    expect(() => upcast('thing', { v: 1 }, 'v', 2, [])).toThrow('Nothing lifts a stored thing from version 1 to 2.');
  });
});

describe('a damaged history is refused', () => {
  const at = '2026-01-01T00:00:00.000Z';
  const run = createdRun({ commit: { a: {} } });
  const lane = openedLane(OPEN_GATE);
  test.each([
    ['an empty one', () => foldRun([])],
    ['one without a beginning', () => evolveRun(undefined, { v: 2, at, type: 'run-started' })],
    ['two beginnings', () => foldRun([...run.events, ...run.events])],
    [
      'a job that is not planned',
      () => evolveRun(run.state, { v: 2, at, type: 'job-ended', jobKey: 'test/x', status: 'passed' }),
    ],
    [
      'an attempt that was never queued',
      () =>
        evolveRun(run.state, { v: 2, at, type: 'attempt-started', jobKey: 'commit/a', attemptId: 'x', runner: 'r' }),
    ],
    ['an empty lane', () => foldLane([])],
    [
      'a lane without a beginning',
      () => evolveLane(undefined, { v: 1, at, type: 'deployment-started', deploymentId: 'd' }),
    ],
    [
      'a deployment that is not open',
      () => evolveLane(lane.state, { v: 1, at, type: 'deployment-started', deploymentId: 'd' }),
    ],
  ])('%s', (_, read) => {
    expect(read).toThrow(BrokenHistoryError);
  });
});
