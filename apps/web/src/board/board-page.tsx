import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { ArrowUpDown, Plus, Search, X } from 'lucide-react';
import { useCallback, useDeferredValue, useMemo, useRef, useState } from 'react';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import { serverNow } from '../api/server-clock.ts';
import type { Board } from '../api/shapes.ts';
import { useScreenKeys } from '../frame/use-frame-keys.ts';
import { useMayAddServices } from '../identity/use-role.ts';
import { useLive } from '../live/use-live.ts';
import { EmptyState, ErrorBar, SkeletonRows } from '../ui/notice.tsx';
import { Select } from '../ui/select.tsx';
import { Crumb, Crumbs } from '../ui/screen.tsx';
import { useNarrow } from '../ui/use-narrow.ts';
import { plural } from '../ui/wording.ts';
import { BoardGrid } from './board-grid.tsx';
import { boardRows, countStates, matches, sortedSlugs, type BoardStatus } from './board-rows.ts';
import { Counters } from './counters.tsx';
import { PhoneBoard } from './phone-board.tsx';
import { useFrozenOrder } from './use-frozen-order.ts';

const route = getRouteApi('/signed-in/board');
const nothing: Board = { environments: [], teams: [], services: [] };
const statuses: [BoardStatus, string][] = [
  ['running', 'running'],
  ['failing', 'failing'],
  ['approval', 'need approval'],
  ['waiting', 'waiting'],
  ['warning', 'rolled back or unknown'],
];

export function BoardPage() {
  const search = route.useSearch();
  const board = useQuery(queries.board());
  const mine = useQuery(queries.approvals('me'));
  useLive('board', ['board']);
  const narrow = useNarrow();
  const mayAdd = useMayAddServices();
  const gridRef = useRef<HTMLDivElement>(null);
  const rowsRef = useRef<HTMLDivElement>(null);
  const data = board.data ?? nothing;
  const wanted = useMemo(() => sortedSlugs(data), [data]);
  const { order, moved, sort } = useFrozenOrder(wanted, rowsRef);
  const [closed, toggleClosed] = useToggles();
  const [quietOpen, toggleQuiet] = useToggles();
  const q = useDeferredValue(search.q);
  const { team, status } = search;
  const rows = useMemo(
    () => boardRows(data, order, { q, team, status }, { closed, quietOpen }, serverNow()),
    [data, order, q, team, status, closed, quietOpen],
  );
  const counts = useMemo(() => countStates(data), [data]);
  const decidable = useMemo(() => new Set(mine.data?.map(({ deploymentId }) => deploymentId)), [mine.data]);
  const filtered = q !== undefined || team !== undefined || status !== undefined;
  const noServices = board.data !== undefined && data.services.length === 0;

  return (
    <div className="mx-auto max-w-[1680px] px-3 py-3 md:px-6 md:py-4">
      <Crumbs title="Board">
        <Crumb last>Board</Crumb>
      </Crumbs>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <h1 className="text-title font-semibold tracking-[-0.018em] max-md:text-[24px] max-md:leading-[30px]">Board</h1>
        {!noServices && <Counters total={data.services.length} counts={counts} chosen={status} />}
        {mayAdd && (
          <Link to="/welcome" className="btn ml-auto max-md:hidden">
            <Plus size={15} aria-hidden="true" />
            Add service
          </Link>
        )}
      </div>
      {!noServices && <Filters board={data} />}
      {board.isError && (
        <div className="mb-3">
          <ErrorBar onRetry={() => void board.refetch()}>
            {problemSentence(board.error, 'load the board')} Shown is the last answer.
          </ErrorBar>
        </div>
      )}
      <div ref={rowsRef}>
        {moved > 0 && (
          // Over the rows and without a height of its own, so that no row moves when it comes.
          <div className="sticky top-1 z-10 flex h-0 justify-center">
            <button
              type="button"
              onClick={sort}
              className="btn btn-small mt-1 shrink-0 rounded-full! shadow-(--shadow-pop)"
            >
              <ArrowUpDown size={13} aria-hidden="true" />
              {plural(moved, 'row')} moved, sort
            </button>
          </div>
        )}
        {noServices ? (
          <div className="card">
            <EmptyState title="No services yet">
              {mayAdd ? (
                <Link to="/welcome" className="btn btn-ink mt-2">
                  Connect a repository
                </Link>
              ) : (
                'An admin of your team connects its repositories.'
              )}
            </EmptyState>
          </div>
        ) : narrow ? (
          <PhoneBoard
            services={
              order
                .map((slug) => data.services.find((each) => each.slug === slug))
                .filter((each) => each !== undefined && matches(each, { q, team, status })) as Board['services']
            }
            environments={data.environments}
            mine={decidable}
            all={filtered}
          />
        ) : (
          <>
            {(rows.length > 0 || !filtered) && (
              <BoardGrid
                gridRef={gridRef}
                rows={rows}
                environments={data.environments}
                mine={decidable}
                onFoldTeam={toggleClosed}
                onFoldQuiet={toggleQuiet}
              />
            )}
            {board.isPending && (
              <div className="card mt-px">
                <SkeletonRows rows={12} height={40} />
              </div>
            )}
          </>
        )}
      </div>
      {filtered && rows.length === 0 && board.data !== undefined && (
        <div className="card">
          <EmptyState title="No service matches">
            <p className="mb-2">
              {[
                q && `text “${q}”`,
                team && `team ${team}`,
                status && `status ${statuses.find(([value]) => value === status)?.[1]}`,
              ]
                .filter(Boolean)
                .join(', ')}
            </p>
            <Link to="/board" replace className="btn">
              Clear filters
            </Link>
          </EmptyState>
        </div>
      )}
    </div>
  );
}

function Filters({ board }: { board: Board }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const input = useRef<HTMLInputElement>(null);
  useScreenKeys({ '/': () => input.current?.focus() });
  const set = (change: Partial<typeof search>): void => {
    void navigate({ search: (previous) => ({ ...previous, ...change }), replace: true });
  };
  return (
    <div role="search" className="mt-3 mb-3 flex flex-wrap items-center gap-2">
      <label className="relative w-[248px] max-md:w-full">
        <Search
          size={14}
          className="pointer-events-none absolute left-2.5 top-2 text-text-3 max-md:top-3.5"
          aria-hidden="true"
        />
        <input
          ref={input}
          className="field field-quiet h-[30px]! pl-8! pr-8! max-md:h-11!"
          placeholder="Filter services"
          aria-label="Filter services"
          value={search.q ?? ''}
          onChange={(event) => set({ q: event.target.value === '' ? undefined : event.target.value })}
          onKeyDown={(event) =>
            event.key === 'Escape' && (search.q === undefined ? event.currentTarget.blur() : set({ q: undefined }))
          }
        />
        {search.q === undefined ? (
          <span className="kbd absolute right-2 top-1.5 max-md:hidden" aria-hidden="true">
            /
          </span>
        ) : (
          <button
            type="button"
            aria-label="Clear text"
            onClick={() => set({ q: undefined })}
            className="absolute right-1 top-1 grid size-6 place-items-center text-text-3 max-md:top-2.5"
          >
            <X size={14} aria-hidden="true" />
          </button>
        )}
      </label>
      <Select
        label="Team"
        className="max-md:flex-1"
        value={search.team ?? ''}
        onChange={(value) => set({ team: value === '' ? undefined : value })}
      >
        <option value="">Team: all</option>
        {board.teams.map(({ slug, title }) => (
          <option key={slug} value={slug}>
            Team: {title}
          </option>
        ))}
      </Select>
      <Select
        label="Status"
        className="max-md:flex-1"
        value={search.status ?? ''}
        onChange={(chosen) => set({ status: statuses.find(([value]) => value === chosen)?.[0] })}
      >
        <option value="">Status: any</option>
        {statuses.map(([value, word]) => (
          <option key={value} value={value}>
            Status: {word}
          </option>
        ))}
      </Select>
      <span className="ml-auto text-sub text-text-3 max-lg:hidden">Grouped by team, newest run first</span>
    </div>
  );
}

function useToggles(): [ReadonlySet<string>, (name: string) => void] {
  const [names, setNames] = useState<ReadonlySet<string>>(new Set());
  const toggle = useCallback(
    (name: string) =>
      setNames((previous) => {
        const next = new Set(previous);
        if (!next.delete(name)) next.add(name);
        return next;
      }),
    [],
  );
  return [names, toggle];
}
