import { describe, expect, it } from 'vitest';
import type { LaneSummary, StageCellData } from '../api/shapes.ts';
import { stageLook } from './stage-look.ts';

const now = Date.parse('2026-11-24T10:47:12Z');
const cell = (change: Partial<StageCellData>): StageCellData => ({
  stage: 'test',
  status: 'queued',
  startedAt: null,
  finishedAt: null,
  label: null,
  ...change,
});
const gate = (approvals: number, needed: number) =>
  ({ environment: 'production', current: { approvals, needed, status: 'waiting', runNumber: 1 } }) as LaneSummary;

describe('stageLook', () => {
  it('a running stage fills against its usual duration and says so', () => {
    const look = stageLook(cell({ status: 'running', startedAt: '2026-11-24T10:44:04Z' }), now, 282_000);
    expect(look).toMatchObject({ words: '3m 08s', surface: 'fill', tone: 'running' });
    expect(look.fill).toBeCloseTo(0.667, 2);
    expect(look.sentence).toBe('Test, running, 3m 08s, about two thirds of usual');
  });

  it('without a usual duration nothing is guessed', () => {
    const look = stageLook(cell({ status: 'running', startedAt: '2026-11-24T10:44:04Z' }), now, undefined);
    expect(look.fill).toBeNull();
    expect(look.sentence).toBe('Test, running, 3m 08s');
  });

  it('passed is quiet, failed and errored are tinted and told apart', () => {
    const passed = stageLook(
      cell({ status: 'passed', startedAt: '2026-11-24T10:44:00Z', finishedAt: '2026-11-24T10:44:14Z' }),
      now,
      1,
    );
    expect(passed).toMatchObject({ words: '14s', surface: 'plain' });
    expect(stageLook(cell({ status: 'failed', label: '2 tests' }), now, 1)).toMatchObject({
      words: '2 tests',
      surface: 'tint',
      status: 'failed',
    });
    expect(stageLook(cell({ status: 'errored' }), now, 1)).toMatchObject({ words: 'Errored', status: 'errored' });
  });

  it('a gate is tinted only for people who can decide', () => {
    const release = cell({ stage: 'release', status: 'waiting' });
    expect(stageLook(release, now, 1, gate(1, 2), true)).toMatchObject({
      words: '1 of 2',
      surface: 'tint',
      status: 'gate',
    });
    expect(stageLook(release, now, 1, gate(0, 1), false)).toMatchObject({
      words: 'Approve',
      surface: 'plain',
      status: 'gate',
    });
  });

  it('waiting names its cause', () => {
    expect(stageLook(cell({ status: 'waiting', label: 'Runner' }), now, 1)).toMatchObject({
      words: 'Runner',
      surface: 'hatch',
      sentence: 'Test, waiting: Runner',
    });
  });

  it('a stage that has not begun is quiet, unless something holds it', () => {
    expect(stageLook(cell({}), now, 1)).toMatchObject({ words: '', surface: 'plain', status: 'queued' });
    expect(stageLook(cell({ label: 'Held' }), now, 1)).toMatchObject({
      words: 'Held',
      surface: 'hatch',
      status: 'waiting',
      sentence: 'Test, not started: Held',
    });
  });
});
