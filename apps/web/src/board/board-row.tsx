import { Link, useNavigate } from '@tanstack/react-router';
import { ChevronDown, ChevronRight } from 'lucide-react';
import { memo, type MouseEvent } from 'react';
import type { BoardService } from '../api/shapes.ts';
import { Age } from '../ui/age.tsx';
import { Avatar } from '../ui/avatar.tsx';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { firstLine, plural, shortRef } from '../ui/wording.ts';
import type { BoardRow } from './board-rows.ts';
import { EnvCell } from './env-cell.tsx';
import { newestLive } from './lane-look.ts';
import { NoRunYet } from './no-run-yet.tsx';
import { StageChannel } from './stage-channel.tsx';

interface Place {
  index: number;
  top: number;
  /** The grid's one tab stop is in this row. */
  active: boolean;
  last: boolean;
}
const FIRST_STAGE = 2;
const FIRST_ENVIRONMENT = 6;

export const BoardServiceRow = memo(function BoardServiceRow(
  props: { service: BoardService; environments: readonly string[]; mine: ReadonlySet<string> } & Place,
) {
  const { service, environments } = props;
  const { latest, lanes } = service;
  const navigate = useNavigate();
  const newest = newestLive(lanes);
  const open = (event: MouseEvent): void => {
    if (latest === null || (event.target as HTMLElement).closest('a, button') !== null) return;
    void navigate({
      to: '/services/$service/runs/$number',
      params: { service: service.slug, number: String(latest.number) },
    });
  };
  return (
    <div
      role="row"
      aria-rowindex={props.index + 2}
      data-row={props.index}
      className="board-row"
      style={{ transform: `translateY(${props.top}px)` }}
      onClick={open}
    >
      <span role="gridcell" className="flex min-w-0 items-center gap-2">
        <Link
          to="/services/$service"
          params={{ service: service.slug }}
          data-column={0}
          tabIndex={props.active ? 0 : -1}
          className="truncate text-section hover:underline"
        >
          {service.slug}
        </Link>
        {service.targets[0] !== undefined && <span className="tag">{service.targets[0]}</span>}
      </span>
      {latest === null ? (
        <span
          role="gridcell"
          className="board-latest text-text-3"
          {...(service.pullRequestRun === undefined ? { 'data-column': 1, tabIndex: -1 } : {})}
        >
          <NoRunYet service={service} inGrid />
        </span>
      ) : (
        <span role="gridcell" className="board-latest flex min-w-0 items-center gap-2">
          <Avatar name={latest.author} />
          <Link
            to="/services/$service/runs/$number"
            params={{ service: service.slug, number: String(latest.number) }}
            data-column={1}
            tabIndex={-1}
            dir="auto"
            title={`#${latest.number} on ${shortRef(latest.ref)} by ${latest.author}`}
            className="min-w-0 flex-1 truncate text-section text-text-2 hover:underline"
          >
            <UntrustedText text={firstLine(latest.message)} />
          </Link>
          <span className="text-sub text-text-3 tnum whitespace-nowrap">
            <Age at={latest.createdAt} />
          </span>
        </span>
      )}
      <span role="presentation">
        {latest !== null && (
          <StageChannel run={latest} lanes={lanes} mine={props.mine} inGrid firstColumn={FIRST_STAGE} />
        )}
      </span>
      {environments.map((environment, index) => (
        <span key={environment} role="gridcell" className="min-w-0">
          <EnvCell
            lane={lanes.find((lane) => lane.environment === environment)}
            newest={newest}
            column={FIRST_ENVIRONMENT + index}
          />
        </span>
      ))}
    </div>
  );
});

export const BoardTeamRow = memo(function BoardTeamRow(
  props: {
    row: Extract<BoardRow, { kind: 'team' }>;
    columns: number;
    onFold: (team: string) => void;
    onFoldQuiet: (team: string) => void;
  } & Place,
) {
  const { row } = props;
  const Fold = row.open ? ChevronDown : ChevronRight;
  const allQuiet = row.quiet === row.services;
  return (
    <div
      role="row"
      aria-rowindex={props.index + 2}
      data-row={props.index}
      className="board-team"
      style={{ transform: `translateY(${props.top}px)` }}
    >
      <span role="gridcell" aria-colspan={props.columns} className="flex flex-1 items-center gap-2">
        <button
          type="button"
          data-column={0}
          tabIndex={props.active ? 0 : -1}
          aria-expanded={row.open}
          onClick={() => props.onFold(row.slug)}
          className="flex items-center gap-2"
        >
          <Fold size={14} className="text-text-2" aria-hidden="true" />
          <span className="font-semibold text-section">{row.title}</span>
          <span className="text-text-3">{plural(row.services, 'service')}</span>
        </button>
        <span className="ml-auto text-sub text-text-3 tnum">{plural(row.deploysToday, 'deploy')} today</span>
        {row.quiet > 0 && (
          <button
            type="button"
            data-column={1}
            tabIndex={-1}
            aria-expanded={row.quietOpen}
            onClick={() => (allQuiet ? props.onFold : props.onFoldQuiet)(row.slug)}
            className="flex items-center gap-1 text-sub font-medium text-text-2 tnum"
          >
            {row.quiet} quiet
            <ChevronDown size={13} aria-hidden="true" className={row.quietOpen ? 'rotate-180' : ''} />
          </button>
        )}
      </span>
    </div>
  );
});
