import { useVirtualizer } from '@tanstack/react-virtual';
import { useContext, useLayoutEffect, useRef, useState, type RefObject } from 'react';
import { FrameSlots } from '../ui/screen.tsx';
import type { BoardRow } from './board-rows.ts';
import { BoardServiceRow, BoardTeamRow } from './board-row.tsx';
import { useGridKeys } from './use-grid-keys.ts';

const HEIGHT = { team: 30, service: 40 };

export function BoardGrid(props: {
  gridRef: RefObject<HTMLDivElement | null>;
  rows: readonly BoardRow[];
  environments: readonly string[];
  mine: ReadonlySet<string>;
  onFoldTeam: (team: string) => void;
  onFoldQuiet: (team: string) => void;
}) {
  const { rows, environments, gridRef } = props;
  const { scroller } = useContext(FrameSlots);
  const body = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => {
    const measure = (): void => {
      if (body.current !== null && scroller.current !== null) {
        setMargin(
          body.current.getBoundingClientRect().top -
            scroller.current.getBoundingClientRect().top +
            scroller.current.scrollTop,
        );
      }
    };
    measure();
    window.addEventListener('resize', measure);
    return () => window.removeEventListener('resize', measure);
  }, [scroller]);
  // oxlint-disable-next-line react/incompatible-library -- concerns the React Compiler, which isn't used
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => HEIGHT[rows[index]?.kind ?? 'service'],
    getItemKey: (index) => {
      const row = rows[index];
      return row === undefined ? index : row.kind === 'team' ? `team ${row.slug}` : row.service.slug;
    },
    overscan: 12,
    scrollMargin: margin,
    initialRect: { width: 1200, height: 900 },
  });
  const keys = useGridKeys(gridRef, rows.length, (index) => virtual.scrollToIndex(index));
  return (
    <div
      ref={gridRef}
      className="board-grid card"
      role="grid"
      aria-label="Services"
      aria-rowcount={rows.length + 1}
      onKeyDown={keys.onKeyDown}
      onFocus={keys.onFocus}
      style={{ '--environments': environments.length } as React.CSSProperties}
    >
      <div className="board-head" role="row" aria-rowindex={1}>
        <span role="columnheader">Service</span>
        <span role="columnheader" className="board-latest">
          Latest run
        </span>
        <span className="board-stages" role="presentation">
          <span role="columnheader">Commit</span>
          <span role="columnheader">Build</span>
          <span role="columnheader">Test</span>
          <span role="columnheader">Release</span>
        </span>
        {environments.map((environment) => (
          <span key={environment} role="columnheader" className="truncate px-1.5">
            {environment}
          </span>
        ))}
      </div>
      <div ref={body} role="presentation" className="relative" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          const place = {
            index: item.index,
            top: item.start - margin,
            active: keys.activeRow === item.index,
            last: item.index === rows.length - 1,
          };
          return row.kind === 'team' ? (
            <BoardTeamRow
              key={item.key}
              row={row}
              {...place}
              columns={environments.length + 6}
              onFold={props.onFoldTeam}
              onFoldQuiet={props.onFoldQuiet}
            />
          ) : (
            <BoardServiceRow
              key={item.key}
              service={row.service}
              environments={environments}
              mine={props.mine}
              {...place}
            />
          );
        })}
      </div>
    </div>
  );
}
