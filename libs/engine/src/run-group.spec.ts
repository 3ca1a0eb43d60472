import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { groupStandings, runGroup } from './run-group.ts';
import type { GroupMember } from './run-group.ts';
import { createdRun } from './testing/run-builder.ts';

const member = (number: number, more: Partial<GroupMember> = {}, max = 1): GroupMember => ({
  runId: `r${number}`,
  group: { key: 'group:db', max },
  createdAt: `2026-01-01T00:00:0${number}.000Z`,
  holds: false,
  ...more,
});
const admitted = (members: readonly GroupMember[]): string[] =>
  [...groupStandings(members)].flatMap(([runId, standing]) => (standing.admitted ? [runId] : []));

describe('I26: the runs of a group', () => {
  test('the oldest may begin, and the next one when it is through', () => {
    expect(admitted([member(3), member(2), member(1)])).toEqual(['r1']);
    expect(admitted([member(3), member(2), member(1, { holds: true })])).toEqual(['r1']);
    expect(admitted([member(3), member(2)])).toEqual(['r2']);
  });

  test('nobody passes one that stands before, even where the own limit is larger', () => {
    expect(admitted([member(1, { holds: true }), member(2), member(3, {}, 5)])).toEqual(['r1']);
    expect(admitted([member(1, { holds: true }, 5), member(2, {}, 5), member(3)])).toEqual(['r1', 'r2']);
  });

  test('groups do not know of each other', () => {
    const other = member(2, { group: { key: 'service:s1', max: 1 } });
    expect(admitted([member(1), other])).toEqual(['r1', 'r2']);
  });

  test('one that waits is told who uses runners and who stands before it', () => {
    expect(groupStandings([member(1, { holds: true }), member(2), member(3)]).get('r3')).toEqual({
      admitted: false,
      holders: ['r1'],
      before: ['r2'],
    });
  });

  test('never more hold a group than any of those that begin allows, and somebody always may', () => {
    const members = fc.uniqueArray(
      fc.record({ number: fc.integer({ min: 1, max: 9 }), holds: fc.boolean(), max: fc.integer({ min: 1, max: 4 }) }),
      { selector: ({ number }) => number, minLength: 1 },
    );
    fc.assert(
      fc.property(members, (list) => {
        const all = list.map(({ number, holds, max }) => member(number, { holds }, max));
        const standings = groupStandings(all);
        const inside = all.filter(({ runId }) => standings.get(runId)?.admitted);
        const begin = inside.filter(({ holds }) => !holds);
        const holders = all.filter(({ holds }) => holds).length;
        for (const [place, { group }] of begin.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1)).entries())
          expect(holders + place).toBeLessThan(group.max);
        expect(inside.length).toBeGreaterThan(0);
      }),
      { numRuns: 500, seed: 7 },
    );
  });
});

describe('a run and its group', () => {
  const sketch = { commit: { verify: {} }, build: {}, release: ['staging'] };

  test('none without a limit', () => {
    expect(runGroup(createdRun(sketch).state)).toBeUndefined();
  });

  test('the service stands for a group without a name', () => {
    expect(runGroup(createdRun({ ...sketch, concurrency: { limit: { max: 2 } } }).state)).toEqual({
      key: 'service:s1',
      max: 2,
    });
  });

  test('it is left with the last job: a gate that nobody opens holds up no newer run', () => {
    const run = createdRun({ ...sketch, concurrency: { limit: { group: 'db', max: 1 } } });
    run.end('commit/verify');
    expect(runGroup(run.state)).toEqual({ key: 'group:db', max: 1 });
    run.end('build/image');
    expect(run.state.status).toBe('running');
    expect(runGroup(run.state)).toBeUndefined();
  });
});
