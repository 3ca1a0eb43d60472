import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pick } from './pick-attempts.ts';
import { choosePool } from './choose-pool.ts';
import type { ReadyAttempt, WaitingPoll } from './pick.ts';

const NOW = '2026-01-01T12:00:00.000Z';
const ready = (attemptId: string, more: Partial<ReadyAttempt> = {}): ReadyAttempt => ({
  attemptId,
  teamId: 't1',
  trust: 'trusted',
  labels: [],
  priority: 0,
  readyAt: '2026-01-01T11:59:00.000Z',
  ...more,
});
const poll = (pollId: string, more: Partial<WaitingPoll> = {}): WaitingPoll => ({
  pollId,
  runnerId: `runner-${pollId}`,
  trust: 'trusted',
  labels: [],
  teamId: null,
  since: '2026-01-01T11:59:30.000Z',
  ...more,
});
const picked = (
  attempts: readonly ReadyAttempt[],
  polls: readonly WaitingPoll[],
  load: Record<string, number> = {},
): string[] =>
  pick(attempts, polls, NOW, new Map(Object.entries(load))).map(({ attemptId, pollId }) => `${attemptId}>${pollId}`);

describe('what fits', () => {
  test.each([
    ['the same trust', {}, {}, true],
    ['an untrusted attempt on a trusted runner', { trust: 'untrusted' }, {}, false],
    ['a trusted attempt on an untrusted runner', {}, { trust: 'untrusted' }, false],
    ['labels that the runner has', { labels: ['gpu'] }, { labels: ['arm64', 'gpu'] }, true],
    ['a label that it lacks', { labels: ['gpu', 'arm64'] }, { labels: ['gpu'] }, false],
    ['a runner of the team', {}, { teamId: 't1' }, true],
    ['a runner of another team', {}, { teamId: 't2' }, false],
  ] as const)('%s', (_, attempt, runner, fits) => {
    expect(picked([ready('a', attempt)], [poll('p', runner)])).toEqual(fits ? ['a>p'] : []);
  });
});

describe('which attempt goes first', () => {
  test('that of the team with the fewest running, counting what is matched here', () => {
    const attempts = ['a1', 'a2', 'a3']
      .map((id) => ready(id, { priority: 9 }))
      .concat(['b1', 'b2'].map((id) => ready(id, { teamId: 't2' })));
    expect(
      picked(
        attempts,
        ['1', '2', '3', '4'].map((id) => poll(id)),
        { t1: 1 },
      ),
    ).toEqual(['b1>1', 'a1>2', 'b2>3', 'a2>4']);
  });

  test('then the higher priority, then the older, then the smaller id', () => {
    const attempts = [
      ready('d'),
      ready('c'),
      ready('old', { readyAt: '2026-01-01T11:58:00.000Z' }),
      ready('urgent', { priority: 1 }),
    ];
    expect(
      picked(
        attempts,
        ['1', '2', '3', '4'].map((id) => poll(id)),
      ),
    ).toEqual(['urgent>1', 'old>2', 'c>3', 'd>4']);
  });

  test('each half hour of waiting lifts by one level', () => {
    const attempts = [ready('urgent', { priority: 1 }), ready('patient', { readyAt: '2026-01-01T10:55:00.000Z' })];
    expect(picked(attempts, [poll('1')])).toEqual(['patient>1']);
  });
});

describe('which poll is answered', () => {
  test('the runner with the fewest labels beyond the need, so that special ones stay free', () => {
    const polls = [
      poll('special', { labels: ['gpu', 'arm64'], since: '2026-01-01T10:00:00.000Z' }),
      poll('plain', { labels: ['arm64'] }),
    ];
    expect(picked([ready('a', { labels: ['arm64'] })], polls)).toEqual(['a>plain']);
    expect(picked([ready('a'), ready('g', { labels: ['gpu'] })], polls)).toEqual(['a>plain', 'g>special']);
  });

  test("the team's own before a shared one, then the one that waited longest", () => {
    const polls = [
      poll('shared', { since: '2026-01-01T10:00:00.000Z' }),
      poll('new', { teamId: 't1' }),
      poll('old', { teamId: 't1', since: '2026-01-01T11:00:00.000Z' }),
    ];
    expect(picked([ready('a'), ready('b'), ready('c')], polls)).toEqual(['a>old', 'b>new', 'c>shared']);
  });
});

const team = fc.constantFrom('t1', 't2', 't3');
const labels = fc.subarray(['gpu', 'arm64', 'large']);
const trust = fc.constantFrom('trusted' as const, 'untrusted' as const);
const time = fc.nat({ max: 200 }).map((minutes) => new Date(Date.parse(NOW) - minutes * 60_000).toISOString());
const attempts = fc
  .array(fc.record({ teamId: team, labels, trust, priority: fc.nat({ max: 3 }), readyAt: time }), {
    maxLength: 30,
    size: 'max',
  })
  .map((list) => list.map((one, index) => ready(`a${index}`, one)));
const polls = fc
  .array(fc.record({ teamId: fc.option(team), labels, trust, since: time }), { maxLength: 12, size: 'max' })
  .map((list) => list.map((one, index) => poll(`p${index}`, one)));

test('I04: each attempt and each poll is matched at most once, only where it fits, and none that fits is left over; the order of the lists has no say', () => {
  fc.assert(
    fc.property(attempts, polls, (all, waiting) => {
      const matches = pick(all, waiting, NOW, new Map());
      const fits = (a: ReadyAttempt, p: WaitingPoll): boolean =>
        a.trust === p.trust &&
        (p.teamId === null || p.teamId === a.teamId) &&
        a.labels.every((label) => p.labels.includes(label));
      const used = new Set(matches.flatMap(({ attemptId, pollId }) => [attemptId, pollId]));
      expect(used.size).toBe(matches.length * 2);
      for (const { attemptId, pollId } of matches) {
        const [a, p] = [all.find((one) => one.attemptId === attemptId), waiting.find((one) => one.pollId === pollId)];
        expect(a && p && fits(a, p)).toBe(true);
      }
      const left = all.some((a) => !used.has(a.attemptId) && waiting.some((p) => !used.has(p.pollId) && fits(a, p)));
      expect(left).toBe(false);
      expect(pick(all.toReversed(), waiting.toReversed(), NOW, new Map())).toEqual(matches);
    }),
    { numRuns: 500, seed: 7 },
  );
});

/** Counts looks at attempts instead of seconds: 10,000 x 100 must not become a million looks. */
test('10,000 ready attempts and 100 polls: the work grows with the lists, not with their product', () => {
  let looks = 0;
  const counted = (one: ReadyAttempt): ReadyAttempt =>
    new Proxy(one, {
      get(target, field, self) {
        looks++;
        return Reflect.get(target, field, self) as unknown;
      },
    });
  const many = Array.from({ length: 10_000 }, (_, index) =>
    counted(
      ready(`a${index}`, {
        teamId: `t${index % 50}`,
        labels: index % 3 === 0 ? ['gpu'] : [],
        readyAt: new Date(Date.parse(NOW) - index).toISOString(),
      }),
    ),
  );
  const waiting = Array.from({ length: 100 }, (_, index) =>
    poll(`p${index}`, { labels: index % 2 === 0 ? ['gpu'] : [] }),
  );
  expect(pick(many, waiting, NOW, new Map())).toHaveLength(100);
  expect(looks).toBeLessThan(200_000);
});

describe('choosePool', () => {
  const pool = (
    name: string,
    more: Partial<{ teamId: string | null; trust: 'trusted' | 'untrusted'; labels: string[] }> = {},
  ) => ({ name, teamId: null, trust: 'trusted' as const, labels: ['linux'], ...more });
  const need = { teamId: 't1', trust: 'trusted', labels: ['linux'] } as const;

  test("the team's own pool before a shared one, each in the order given", () => {
    const pools = [
      pool('shared'),
      pool('other', { teamId: 't2' }),
      pool('own', { teamId: 't1' }),
      pool('own2', { teamId: 't1' }),
    ];
    expect(choosePool(pools, need)?.name).toBe('own');
    expect(choosePool(pools.slice(0, 2), need)?.name).toBe('shared');
  });

  test('none that lacks a label, has another trust or is of another team', () => {
    const pools = [pool('a', { labels: [] }), pool('b', { trust: 'untrusted' }), pool('c', { teamId: 't2' })];
    expect(choosePool(pools, need)).toBeUndefined();
  });
});
