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
  pick(attempts, polls, NOW, { running: new Map(Object.entries(load)) }).map(
    ({ attemptId, pollId }) => `${attemptId}>${pollId}`,
  );

describe('what fits', () => {
  test.each([
    ['the same trust', {}, {}, true],
    ['an untrusted attempt on a trusted runner', { trust: 'untrusted' }, {}, false],
    ['a trusted attempt on an untrusted runner', {}, { trust: 'untrusted' }, false],
    ['labels that the runner has', { labels: ['gpu'] }, { labels: ['arm64', 'gpu'] }, true],
    ['a label that it lacks', { labels: ['gpu', 'arm64'] }, { labels: ['gpu'] }, false],
    ['a job on the host, on a runner that offers it', { host: true }, { host: true }, true],
    ['a job on the host, on one that does not', { host: true }, {}, false],
    [
      'A41 a job on the host, on one of an untrusted pool',
      { host: true, trust: 'untrusted' },
      { host: true, trust: 'untrusted' },
      false,
    ],
    ['a job in a container, on a runner that also offers its host', {}, { host: true }, true],
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

  test('of teams with equally many running, the one whose turn is longest ago, whatever the others call urgent', () => {
    const attempts = [ready('a1', { priority: 9 }), ready('a2', { priority: 9 }), ready('b1', { teamId: 't2' })];
    const servedAt = new Map([['t1', '2026-01-01T11:59:59.000Z']]);
    const one = pick(attempts, [poll('1')], NOW, { servedAt });
    expect(one).toEqual([{ attemptId: 'b1', pollId: '1' }]);
    const both = pick(attempts, [poll('1')], NOW, { servedAt: new Map([...servedAt, ['t2', NOW]]) });
    expect(both).toEqual([{ attemptId: 'a1', pollId: '1' }]);
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

describe('I26: limits', () => {
  const held = (attemptId: string, limits: string[], more: Partial<ReadyAttempt> = {}) =>
    ready(attemptId, { limits, ...more });
  const within = (attempts: readonly ReadyAttempt[], room: Record<string, number>): string[] =>
    pick(
      attempts,
      ['1', '2', '3', '4'].map((id) => poll(id)),
      NOW,
      { room: new Map(Object.entries(room)) },
    ).map(({ attemptId }) => attemptId);

  test('no more begin than each limit leaves room for, what is matched here counted', () => {
    const attempts = ['a', 'b', 'c'].map((id) => held(id, ['team', 'service']));
    expect(within(attempts, { team: 2, service: 5 })).toEqual(['a', 'b']);
    expect(within(attempts, { team: 0 })).toEqual([]);
    expect(within(attempts, {})).toEqual(['a', 'b', 'c']);
  });

  test('what a limit holds does not stand in the way of what it does not concern', () => {
    const attempts = [held('first', ['s1'], { priority: 1 }), held('second', ['s1']), held('other', ['s2'])];
    expect(within(attempts, { s1: 1 })).toEqual(['first', 'other']);
  });
});

/** Every runner is always busy, and the teams always have more to do: what each gets is its share. */
test('no team starves: with jobs of any length each keeps its share of a shared pool, whatever the others queue and call urgent', () => {
  const crowd = fc.record({
    slots: fc.integer({ min: 1, max: 8 }),
    backlogs: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 4 }),
    priorities: fc.array(fc.integer({ min: -1, max: 1 }), { minLength: 4, maxLength: 4 }),
    ends: fc.array(fc.nat({ max: 7 }), { minLength: 60, maxLength: 60 }),
  });
  fc.assert(
    fc.property(crowd, ({ slots, backlogs, priorities, ends }) => {
      const queue = backlogs.flatMap((count, team) =>
        Array.from({ length: count }, (_, index) =>
          ready(`t${team}-${index}`, { teamId: `t${team}`, priority: priorities[team]! }),
        ),
      );
      const running: ReadyAttempt[] = [];
      const waited = new Map<string, number>();
      const servedAt = new Map<string, string>();
      for (const [turn, end] of ends.entries()) {
        const load = new Map<string, number>();
        for (const { teamId } of running) load.set(teamId, (load.get(teamId) ?? 0) + 1);
        const free = Array.from({ length: slots - running.length }, (_, index) => poll(`p${index}`));
        const granted = pick(queue, free, NOW, { running: load, servedAt }).map(({ attemptId }) => attemptId);
        for (const id of granted) {
          const [attempt] = queue.splice(
            queue.findIndex(({ attemptId }) => attemptId === id),
            1,
          );
          running.push(attempt!);
          servedAt.set(attempt!.teamId, new Date(Date.parse(NOW) + turn).toISOString());
        }
        for (const team of backlogs.keys()) {
          const served = granted.some((id) => id.startsWith(`t${team}-`));
          const wants = queue.some(({ teamId }) => teamId === `t${team}`);
          const has = running.filter(({ teamId }) => teamId === `t${team}`).length;
          const others = [...backlogs.keys()].map((one) => running.filter(({ teamId }) => teamId === `t${one}`).length);
          // A team without a single job is served with the next slots that come free, whoever else waits.
          waited.set(`${team}`, served || !wants || has > 0 ? 0 : (waited.get(`${team}`) ?? 0) + 1);
          expect(waited.get(`${team}`)).toBeLessThanOrEqual(slots + backlogs.length);
          // Nobody is given a slot while a team that waits has two fewer.
          if (served && granted.length === 1)
            expect(
              Math.min(...others.filter((_, one) => queue.some(({ teamId }) => teamId === `t${one}`)), has) + 1,
            ).toBeGreaterThanOrEqual(has);
        }
        if (running.length > 0) running.splice(end % running.length, 1);
      }
    }),
    { numRuns: 200, seed: 7 },
  );
});

const team = fc.constantFrom('t1', 't2', 't3');
const labels = fc.subarray(['gpu', 'arm64', 'large']);
const trust = fc.constantFrom('trusted' as const, 'untrusted' as const);
const time = fc.nat({ max: 200 }).map((minutes) => new Date(Date.parse(NOW) - minutes * 60_000).toISOString());
const attempts = fc
  .array(fc.record({ teamId: team, labels, trust, host: fc.boolean(), priority: fc.nat({ max: 3 }), readyAt: time }), {
    maxLength: 30,
    size: 'max',
  })
  .map((list) => list.map((one, index) => ready(`a${index}`, one)));
const polls = fc
  .array(fc.record({ teamId: fc.option(team), labels, trust, host: fc.boolean(), since: time }), {
    maxLength: 12,
    size: 'max',
  })
  .map((list) => list.map((one, index) => poll(`p${index}`, one)));

test('I04: each attempt and each poll is matched at most once, only where it fits, and none that fits is left over; the order of the lists has no say', () => {
  fc.assert(
    fc.property(attempts, polls, (all, waiting) => {
      const matches = pick(all, waiting, NOW);
      const fits = (a: ReadyAttempt, p: WaitingPoll): boolean =>
        a.trust === p.trust &&
        (!a.host || (p.host === true && p.trust === 'trusted')) &&
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
      expect(pick(all.toReversed(), waiting.toReversed(), NOW)).toEqual(matches);
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
  expect(pick(many, waiting, NOW)).toHaveLength(100);
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
