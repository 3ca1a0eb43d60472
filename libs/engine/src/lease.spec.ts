import { describe, expect, test } from 'vitest';
import { endLease, expireLease, grantLease, renewLease, returnLease, startLease } from './lease.ts';
import type { Lease, LeaseDecision } from './lease.ts';

const queued: Lease = { status: 'queued', epoch: 3, runnerId: null, expiresAt: null, startedAt: null };
const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const leased: Lease = { status: 'running', epoch: 4, runnerId: 'r1', expiresAt: at(30), startedAt: null };
const started: Lease = { ...leased, startedAt: at(1) };
const holder = { runnerId: 'r1', epoch: 4 };
const answer = (decision: LeaseDecision): string => (decision.kind === 'rejected' ? decision.code : decision.kind);
const accepted = (decision: LeaseDecision): Lease | string =>
  decision.kind === 'accepted' ? decision.lease : answer(decision);

test('I04: a grant raises the epoch and is possible only while queued', () => {
  expect(accepted(grantLease(queued, { runnerId: 'r1', expiresAt: at(30) }))).toEqual(leased);
  for (const status of ['running', 'passed', 'lost', 'cancelled'] as const) {
    expect(answer(grantLease({ ...queued, status }, { runnerId: 'r1', expiresAt: at(30) }))).toBe('not-queued');
  }
});

describe('I06: who does not hold the lease changes nothing', () => {
  const strangers = [
    ['an older epoch', leased, { runnerId: 'r1', epoch: 3 }],
    ['a newer epoch', leased, { runnerId: 'r1', epoch: 5 }],
    ['another runner', leased, { runnerId: 'r2', epoch: 4 }],
    ['an attempt that is queued again', { ...queued, epoch: 4 }, holder],
    ['an attempt that is lost', { ...started, status: 'lost' }, holder],
    ['an attempt that was cancelled', { ...started, status: 'cancelled' }, holder],
  ] as const;
  test.each(strangers)('%s', (_, lease, by) => {
    expect(
      [
        renewLease(lease, by, at(60)),
        startLease(lease, by, at(2)),
        returnLease(lease, by),
        endLease(lease, by, 'passed'),
      ].map(answer),
    ).toEqual(Array(4).fill('lease-lost'));
  });
});

test('a renewal moves the end forward and never back', () => {
  expect(accepted(renewLease(leased, holder, at(60)))).toEqual({ ...leased, expiresAt: at(60) });
  expect(answer(renewLease(leased, holder, at(10)))).toBe('ignored');
});

test('a start is noted once', () => {
  expect(accepted(startLease(leased, holder, at(1)))).toEqual(started);
  expect(answer(startLease(started, holder, at(2)))).toBe('ignored');
});

test('a lease whose answer was not delivered is returned with the next epoch; one that began is not', () => {
  expect(accepted(returnLease(leased, holder))).toEqual({ ...queued, epoch: 5 });
  expect(answer(returnLease(started, holder))).toBe('already-started');
});

test('F17: the sweep takes what has run out: lost if it began, queued again if not, always with the next epoch', () => {
  expect(answer(expireLease(started, at(29)))).toBe('ignored');
  expect(answer(expireLease(queued, at(99)))).toBe('ignored');
  expect(accepted(expireLease(started, at(30)))).toEqual({ ...started, status: 'lost', epoch: 5 });
  expect(accepted(expireLease(leased, at(31)))).toEqual({ ...queued, epoch: 5 });
});

test('F17 F20: a result before the sweep counts once, although the lease had run out', () => {
  const ended = accepted(endLease(started, holder, 'passed'));
  expect(ended).toEqual({ ...started, status: 'passed', expiresAt: null });
  expect(answer(endLease(ended as Lease, holder, 'failed'))).toBe('lease-lost');
  expect(answer(expireLease(ended as Lease, at(99)))).toBe('ignored');
});
