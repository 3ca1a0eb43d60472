import type { Board, BoardService } from '../api/shapes.ts';
import { isGate, newestLive } from './lane-look.ts';

export type BoardStatus = 'running' | 'failing' | 'approval' | 'waiting' | 'warning';
export interface BoardFilter {
  q?: string | undefined;
  team?: string | undefined;
  status?: BoardStatus | undefined;
}
export type BoardRow =
  | {
      kind: 'team';
      slug: string;
      title: string;
      services: number;
      quiet: number;
      quietOpen: boolean;
      deploysToday: number;
      open: boolean;
    }
  | { kind: 'service'; service: BoardService };

const DAY = 24 * 3600 * 1000;

/** Each state that a counter counts; a service may be in several. */
export function statesOf(service: BoardService): Set<BoardStatus> {
  const states = new Set<BoardStatus>();
  const status = service.latest?.status;
  if (status === 'running') states.add('running');
  if (status === 'failed' || status === 'errored') states.add('failing');
  for (const lane of service.lanes) {
    if (isGate(lane)) states.add('approval');
    else if (lane.current?.status === 'running') states.add('running');
    else if (lane.current?.status === 'failed' || lane.current?.status === 'errored') states.add('failing');
    else if (lane.current?.status === 'rolled-back' || lane.current?.status === 'unknown') states.add('warning');
  }
  if ((status === 'waiting' || status === 'queued') && !states.has('approval')) states.add('waiting');
  return states;
}

/** Last run passed, no environment differs, nothing ran for 24 hours. */
export function isQuiet(service: BoardService, now: number): boolean {
  const { latest, lanes } = service;
  if (latest === null || latest.status !== 'passed' || statesOf(service).size > 0) return false;
  const newest = newestLive(lanes);
  if (lanes.some((lane) => lane.live !== null && lane.live.runNumber !== newest)) return false;
  return now - Date.parse(latest.finishedAt ?? latest.createdAt) > DAY;
}

export function countStates(board: Board): Record<BoardStatus, number> {
  const counts = { running: 0, failing: 0, approval: 0, waiting: 0, warning: 0 };
  for (const service of board.services) for (const state of statesOf(service)) counts[state] += 1;
  return counts;
}

export function matches(service: BoardService, filter: BoardFilter): boolean {
  if (filter.team !== undefined && service.team !== filter.team) return false;
  if (filter.status !== undefined && !statesOf(service).has(filter.status)) return false;
  if (filter.q === undefined) return true;
  const text = [service.slug, service.latest?.message, service.latest?.author, service.latest?.ref]
    .join('\n')
    .toLowerCase();
  return filter.q
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** Newest run first; a service without a run comes last. */
export function sortedSlugs(board: Board): string[] {
  const at = (service: BoardService): string => service.latest?.createdAt ?? '';
  return [...board.services]
    .sort((a, b) => at(b).localeCompare(at(a)) || a.slug.localeCompare(b.slug))
    .map(({ slug }) => slug);
}

export function boardRows(
  board: Board,
  order: readonly string[],
  filter: BoardFilter,
  folds: { closed: ReadonlySet<string>; quietOpen: ReadonlySet<string> },
  now: number,
): BoardRow[] {
  const bySlug = new Map(board.services.map((service) => [service.slug, service]));
  const filtered = filter.q !== undefined || filter.status !== undefined;
  const rows: BoardRow[] = [];
  for (const team of board.teams) {
    const all = order
      .map((slug) => bySlug.get(slug))
      .filter((service) => service?.team === team.slug && matches(service, filter)) as BoardService[];
    if (all.length === 0) continue;
    const quiet = filtered ? [] : all.filter((service) => isQuiet(service, now));
    // A team that is quiet as a whole folds to its header.
    const allQuiet = quiet.length === all.length;
    const open = folds.closed.has(team.slug) ? allQuiet : !allQuiet;
    const quietOpen = allQuiet ? open : folds.quietOpen.has(team.slug);
    const deploysToday = all.reduce(
      (sum, service) => sum + service.lanes.filter((lane) => isToday(lane.live?.since, now)).length,
      0,
    );
    rows.push({
      kind: 'team',
      slug: team.slug,
      title: team.title,
      services: all.length,
      quiet: quiet.length,
      quietOpen,
      deploysToday,
      open,
    });
    if (!open) continue;
    for (const service of all) if (quietOpen || !quiet.includes(service)) rows.push({ kind: 'service', service });
  }
  return rows;
}

function isToday(at: string | undefined, now: number): boolean {
  return at !== undefined && new Date(at).toDateString() === new Date(now).toDateString();
}
