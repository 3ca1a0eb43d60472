import { useCallback, useEffect, useState, type FocusEvent, type KeyboardEvent, type RefObject } from 'react';

const ROW = '[data-row]';
const CELL = '[data-column]';

/** One tab stop, arrows inside: up and down by row (also J and K), left and right by cell. */
export function useGridKeys(grid: RefObject<HTMLElement | null>, rows: number, show: (row: number) => void) {
  const [activeRow, setActiveRow] = useState(0);
  const [target, setTarget] = useState<{ row: number; column: number } | null>(null);

  useEffect(() => {
    if (target === null) return undefined;
    show(target.row);
    // The row may be drawn only after scrolling.
    const frame = requestAnimationFrame(() => {
      const row = grid.current?.querySelector(`[data-row="${target.row}"]`);
      const cells = [...(row?.querySelectorAll<HTMLElement>(CELL) ?? [])];
      const nearest = cells.filter((cell) => Number(cell.dataset['column']) <= target.column).at(-1) ?? cells[0];
      nearest?.focus({ preventScroll: true });
      setTarget(null);
    });
    return () => cancelAnimationFrame(frame);
  }, [grid, show, target]);

  const onFocus = useCallback((event: FocusEvent<HTMLElement>) => {
    const row = event.target.closest<HTMLElement>(ROW);
    if (row !== null) setActiveRow(Number(row.dataset['row']));
  }, []);

  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const cell = (event.target as HTMLElement).closest<HTMLElement>(CELL);
    if (cell === null) return;
    const column = Number(cell.dataset['column']);
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const row = Math.min(rows - 1, Math.max(0, activeRow + step));
      setActiveRow(row);
      setTarget({ row, column });
      return;
    }
    if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
      const cells = [...(cell.closest(ROW)?.querySelectorAll<HTMLElement>(CELL) ?? [])];
      const next = cells[cells.indexOf(cell) + (event.key === 'ArrowRight' ? 1 : -1)];
      if (next === undefined) return;
      event.preventDefault();
      next.focus();
    }
  };
  return { activeRow: Math.min(activeRow, Math.max(0, rows - 1)), onKeyDown, onFocus };
}
