import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { CornerDownRight, ListFilter } from 'lucide-react';
import { Popover } from 'radix-ui';
import { useCallback, useRef } from 'react';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import type { BoardService, LaneSummary } from '../api/shapes.ts';
import { laneLook, newestLive } from '../board/lane-look.ts';
import { useGridKeys } from '../board/use-grid-keys.ts';
import { useScreenKeys } from '../frame/use-frame-keys.ts';
import { useLive } from '../live/use-live.ts';
import { Age } from '../ui/age.tsx';
import { EmptyState, ErrorBar, SkeletonRows } from '../ui/notice.tsx';
import { Crumb, Crumbs } from '../ui/screen.tsx';
import { Select } from '../ui/select.tsx';
import { StatusIcon } from '../ui/status-icon.tsx';
import { count, plural } from '../ui/wording.ts';
import { LaneDetail } from './lane-detail.tsx';

const route = getRouteApi('/signed-in/environments');

/** What runs where, what differs. One service a row, one environment a column. */
export function EnvironmentsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const board = useQuery(queries.board());
  useLive('board', ['board']);
  useLive('environments', ['board']);
  const toggle = (): void =>
    void navigate({
      search: (previous) => ({ ...previous, diff: previous.diff === true ? undefined : true }),
      replace: true,
    });
  useScreenKeys({ d: toggle });
  const environments = board.data?.environments ?? [];
  const services = (board.data?.services ?? []).filter(
    (service) => service.lanes.length > 0 && (search.team === undefined || service.team === search.team),
  );
  const differing = services.filter(differs);
  const shown = search.diff === true ? differing : services;
  return (
    <div className="mx-auto max-w-[1680px] px-3 py-3 md:px-6 md:py-4">
      <Crumbs title="Environments">
        <Crumb last>Environments</Crumb>
      </Crumbs>
      <div className="mb-3 flex flex-wrap items-center gap-3">
        <h1 className="text-title font-semibold tracking-[-0.018em] max-md:text-[24px] max-md:leading-[30px]">
          Environments
        </h1>
        <span className="text-text-2 tnum">
          {plural(services.length, 'service')}, {plural(environments.length, 'environment')}
        </span>
        <span className="ml-auto flex gap-2 max-md:w-full">
          <Select
            label="Team"
            className="max-md:flex-1"
            value={search.team ?? ''}
            onChange={(team) =>
              void navigate({
                search: (previous) => ({ ...previous, team: team === '' ? undefined : team }),
                replace: true,
              })
            }
          >
            <option value="">Team: all</option>
            {board.data?.teams.map(({ slug, title }) => (
              <option key={slug} value={slug}>
                Team: {title}
              </option>
            ))}
          </Select>
          <button type="button" className="btn" aria-pressed={search.diff === true} onClick={toggle}>
            <ListFilter size={14} aria-hidden="true" />
            Only differences <span className="tnum">{differing.length}</span>
          </button>
        </span>
      </div>
      {board.isError && (
        <ErrorBar onRetry={() => void board.refetch()}>
          {problemSentence(board.error, 'load the environments')}
        </ErrorBar>
      )}
      {board.isPending ? (
        <SkeletonRows rows={12} height={34} />
      ) : shown.length === 0 ? (
        <div className="card">
          <EmptyState title={services.length === 0 ? 'Nothing was released yet' : 'No environment differs'} />
        </div>
      ) : (
        <Matrix services={shown} environments={environments} teams={board.data?.teams ?? []} />
      )}
    </div>
  );
}

function Matrix({
  services,
  environments,
  teams,
}: {
  services: readonly BoardService[];
  environments: readonly string[];
  teams: readonly { slug: string; title: string }[];
}) {
  const grid = useRef<HTMLDivElement>(null);
  const rows = teams.flatMap(({ slug, title }) => {
    const mine = services.filter(({ team }) => team === slug);
    return mine.length === 0 ? [] : [{ title, services: mine }];
  });
  const indexed = new Map(rows.flatMap((team) => team.services).map((service, index) => [service.slug, index]));
  const keys = useGridKeys(
    grid,
    indexed.size,
    useCallback(
      (row: number) => document.querySelector(`[data-row="${row}"]`)?.scrollIntoView({ block: 'nearest' }),
      [],
    ),
  );
  return (
    <div className="card overflow-x-auto">
      <div
        ref={grid}
        role="grid"
        aria-label="Services by environment"
        className="matrix"
        onKeyDown={keys.onKeyDown}
        onFocus={keys.onFocus}
        style={{ '--environments': environments.length } as React.CSSProperties}
      >
        <div role="row" className="matrix-row matrix-head">
          <span role="columnheader" className="matrix-service text-text-2">
            Service
          </span>
          {environments.map((environment) => (
            <span key={environment} role="columnheader" className="flex items-center gap-2 px-3.5">
              <span className="font-semibold text-section">{environment}</span>
              <span className="ml-auto text-sub text-text-2 tnum">{columnWords(services, environment)}</span>
            </span>
          ))}
        </div>
        {rows.map((team) => (
          <div key={team.title} role="rowgroup">
            <div role="row" className="matrix-team">
              <span role="rowheader" className="font-semibold text-section text-text">
                {team.title}
              </span>
            </div>
            {team.services.map((service) => {
              const row = indexed.get(service.slug) ?? 0;
              const newest = newestLive(service.lanes);
              return (
                <div key={service.slug} role="row" data-row={row} className="matrix-row">
                  <span role="rowheader" className="matrix-service flex items-center gap-2">
                    <Link
                      to="/services/$service"
                      params={{ service: service.slug }}
                      data-column={0}
                      tabIndex={keys.activeRow === row ? 0 : -1}
                      className="truncate text-section hover:underline"
                    >
                      {service.slug}
                    </Link>
                    {service.targets[0] !== undefined && <span className="tag">{service.targets[0]}</span>}
                  </span>
                  {environments.map((environment, index) => (
                    <span key={environment} role="gridcell" className="border-l border-line">
                      <MatrixCell
                        lane={service.lanes.find((lane) => lane.environment === environment)}
                        newest={newest}
                        column={index + 1}
                      />
                    </span>
                  ))}
                </div>
              );
            })}
          </div>
        ))}
      </div>
    </div>
  );
}

function MatrixCell({ lane, newest, column }: { lane: LaneSummary | undefined; newest: number; column: number }) {
  if (lane === undefined) {
    return (
      <span className="flex h-full items-center px-3.5 text-sub text-text-3" data-column={column} tabIndex={-1}>
        not released there
      </span>
    );
  }
  const look = laneLook(lane, newest);
  const tinted = look.tone !== 'none';
  return (
    <Popover.Root>
      <Popover.Trigger
        data-column={column}
        tabIndex={-1}
        className={`matrix-cell tone-${look.tone} ${tinted ? 'bg-(--tone-tint) text-(--tone)' : 'hover:bg-sunken'}`}
      >
        {look.icon === 'behind' ? (
          <CornerDownRight size={13} className="text-text-3" aria-hidden="true" />
        ) : (
          look.icon !== 'none' && <StatusIcon status={look.icon} size={14} />
        )}
        {look.number !== null && (
          <span className={`mono font-medium ${tinted ? '' : 'text-text'}`}>#{look.number}</span>
        )}
        <span className="truncate text-sub">{look.words}</span>
        {look.since !== null && (
          <span className={`ml-auto text-sub tnum ${tinted ? '' : 'text-text-3'}`}>
            <Age at={look.since} />
          </span>
        )}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className="popover"
          sideOffset={6}
          collisionPadding={12}
          aria-label={`${lane.service} in ${lane.environment}`}
        >
          <LaneDetail lane={lane} look={look} />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

function differs(service: BoardService): boolean {
  const newest = newestLive(service.lanes);
  return service.lanes.some((lane) => {
    const { icon } = laneLook(lane, newest);
    return icon !== 'passed';
  });
}

function columnWords(services: readonly BoardService[], environment: string): string {
  let inStep = 0;
  let waits = 0;
  let other = 0;
  for (const service of services) {
    const lane = service.lanes.find((each) => each.environment === environment);
    if (lane === undefined) continue;
    const look = laneLook(lane, newestLive(service.lanes));
    if (look.icon === 'passed') inStep += 1;
    else if (look.asksApproval) waits += 1;
    else other += 1;
  }
  if (waits + other === 0) return `${count(inStep)} in step`;
  return [waits > 0 ? `${waits} ask approval` : '', other > 0 ? plural(other, 'differs', 'differ') : '']
    .filter((words) => words !== '')
    .join(', ');
}
