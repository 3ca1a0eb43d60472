import { describe, expect, it } from 'vitest';
import { cronProblem, nextTick, timezoneProblem } from './schedule.ts';

describe('a schedule', () => {
  it.each([
    '0 6 * * 1-5',
    '*/5 * * * *',
    '0 0 29 2 *',
    '30 2 L * *',
    '0 12 * * MON-FRI',
    '0,30 8-18 * * *',
    ' 0   6 * * * ',
  ])('%j is one', (cron) => {
    expect(cronProblem(cron)).toBeUndefined();
  });

  it.each([
    ['', 'five fields'],
    ['@daily', 'five fields'],
    ['* * * * * *', 'five fields'],
    ['2026-01-01T00:00:00', 'five fields'],
    ['61 * * * *', 'does not exist'],
    ['0 0 * * FRY', 'does not exist'],
    ['0 0 30 2 *', 'never comes'],
    ['* * * * *', 'more often'],
    ['*/4 * * * *', 'more often'],
    ['0,59 * * * *', 'more often'],
    ['0,59 0,23 1,2 1 *', 'more often'],
    [`0 0 * * ${'1,'.repeat(60)}1`, 'five fields'],
  ])('%j is none: %s', (cron, why) => {
    expect(cronProblem(cron)).toContain(why);
  });

  it.each([
    ['Europe/Berlin', undefined],
    ['UTC', undefined],
    ['Europe/Atlantis', 'no such'],
    ['+02:00', 'not the name'],
    ['', 'not the name'],
    ['../etc/localtime', 'not the name'],
  ])('the zone %j: %s', (zone, why) => {
    const problem = timezoneProblem(zone);
    if (why === undefined) expect(problem).toBeUndefined();
    else expect(problem).toContain(why);
  });
});

describe('the next tick', () => {
  const ticks = (cron: string, timezone: string, from: string, count: number) => {
    const found: string[] = [];
    for (let at = new Date(from); found.length < count;) {
      const tick = nextTick({ cron, timezone }, at);
      if (tick === undefined) break;
      found.push(tick.toISOString());
      at = tick;
    }
    return found;
  };

  it('is strictly after the instant', () => {
    expect(ticks('0 6 * * *', 'UTC', '2026-05-01T06:00:00Z', 1)).toEqual(['2026-05-02T06:00:00.000Z']);
    expect(ticks('0 6 * * *', 'UTC', '2026-05-01T05:59:59.999Z', 1)).toEqual(['2026-05-01T06:00:00.000Z']);
  });

  it('follows the clock on the wall through summer time', () => {
    expect(ticks('0 6 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T04:00:00.000Z',
      '2026-03-30T04:00:00.000Z',
    ]);
  });

  it('comes at the end of an hour that summer time leaves out, and not a second time', () => {
    expect(ticks('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
  });

  it('comes once in an hour that happens twice', () => {
    expect(ticks('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
  });

  it('comes every hour where the hour is *, the doubled one included', () => {
    expect(ticks('0 * * * *', 'Europe/Berlin', '2026-10-24T23:30:00Z', 3)).toEqual([
      '2026-10-25T00:00:00.000Z',
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T02:00:00.000Z',
    ]);
  });
});
