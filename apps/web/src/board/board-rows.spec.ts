import { describe, expect, it } from 'vitest';
import type { Board, BoardService, LaneSummary } from '../api/shapes.ts';
import { boardRows, countStates, isQuiet, sortedSlugs } from './board-rows.ts';

const now = Date.parse('2026-11-24T10:00:00Z');
const folds = { closed: new Set<string>(), quietOpen: new Set<string>() };

function service(
  slug: string,
  team: string,
  status: string,
  hoursAgo: number,
  lanes: Partial<LaneSummary>[] = [],
): BoardService {
  const at = new Date(now - hoursAgo * 3_600_000).toISOString();
  return {
    slug,
    team,
    targets: [],
    latest: {
      service: slug,
      status,
      createdAt: at,
      finishedAt: at,
      message: `Change of ${slug}`,
      author: 'Mira',
      ref: 'main',
    },
    lanes,
  } as unknown as BoardService;
}
const gate = {
  live: null,
  current: { status: 'waiting', approvals: 0, needed: 1, runNumber: 1 },
} as Partial<LaneSummary>;
const board: Board = {
  environments: ['production'],
  teams: [
    { slug: 'a', title: 'A' },
    { slug: 'b', title: 'B' },
  ],
  services: [
    service('old', 'a', 'passed', 30),
    service('new', 'a', 'running', 0),
    service('gated', 'a', 'waiting', 2, [gate]),
    service('calm', 'b', 'passed', 48),
  ],
};
const names = (filter = {}, change = folds): string[] =>
  boardRows(board, sortedSlugs(board), filter, change, now).map((row) =>
    row.kind === 'team' ? `[${row.title}]` : row.service.slug,
  );

describe('board rows', () => {
  it('newest run first in each team, quiet services and quiet teams folded', () => {
    expect(names()).toEqual(['[A]', 'new', 'gated', '[B]']);
    expect(names({}, { ...folds, quietOpen: new Set(['a']) })).toEqual(['[A]', 'new', 'gated', 'old', '[B]']);
    expect(names({}, { ...folds, closed: new Set(['b']) })).toEqual(['[A]', 'new', 'gated', '[B]', 'calm']);
  });

  it('a filter also finds quiet services', () => {
    expect(names({ q: 'change old' })).toEqual(['[A]', 'old']);
    expect(names({ status: 'approval' })).toEqual(['[A]', 'gated']);
    expect(names({ team: 'b', q: 'calm' })).toEqual(['[B]', 'calm']);
  });

  it('a gate is a call for a person, not a wait', () => {
    expect(countStates(board)).toEqual({ running: 1, failing: 0, approval: 1, waiting: 0, warning: 0 });
  });

  it('an environment that differs is never quiet', () => {
    const lanes = [
      { live: { runNumber: 3 }, current: null },
      { live: { runNumber: 2 }, current: null },
    ] as unknown as LaneSummary[];
    expect(isQuiet(service('x', 'a', 'passed', 48, lanes), now)).toBe(false);
    expect(isQuiet(service('x', 'a', 'passed', 48), now)).toBe(true);
  });
});
