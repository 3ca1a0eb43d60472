import { useEffect, useMemo, useState, type RefObject } from 'react';

/**
 * Rows keep their place while pointer or focus is in `area` or the tab is hidden. `moved` counts the rows that would
 * change place; `sort` puts them there. Its button belongs into the area: else the way to it leaves the rows, which then
 * move, and something else lies under the click.
 */
export function useFrozenOrder(
  wanted: readonly string[],
  area: RefObject<HTMLElement | null>,
): { order: readonly string[]; moved: number; sort: () => void } {
  const [order, setOrder] = useState(wanted);
  const [held, setHeld] = useState(false);
  useEffect(() => {
    const element = area.current;
    if (element === null) return undefined;
    let pointer = false;
    let focus = false;
    const update = (): void => setHeld(pointer || focus || document.hidden);
    const on = (change: () => void) => () => {
      change();
      update();
    };
    const enter = on(() => (pointer = true));
    const leave = on(() => {
      pointer = false;
      // A button that went away took its focus along without a word.
      focus = element.contains(document.activeElement);
    });
    const focusIn = on(() => (focus = true));
    const focusOut = on(() => (focus = false));
    element.addEventListener('pointerenter', enter);
    element.addEventListener('pointerleave', leave);
    element.addEventListener('focusin', focusIn);
    element.addEventListener('focusout', focusOut);
    document.addEventListener('visibilitychange', update);
    return () => {
      element.removeEventListener('pointerenter', enter);
      element.removeEventListener('pointerleave', leave);
      element.removeEventListener('focusin', focusIn);
      element.removeEventListener('focusout', focusOut);
      document.removeEventListener('visibilitychange', update);
    };
  }, [area]);

  // New services come at the end while the order is held, gone ones leave at once.
  const kept = useMemo(() => {
    const known = new Set(order);
    const present = new Set(wanted);
    return [...order.filter((slug) => present.has(slug)), ...wanted.filter((slug) => !known.has(slug))];
  }, [order, wanted]);
  const moved = useMemo(() => kept.filter((slug, index) => wanted[index] !== slug).length, [kept, wanted]);
  if (!held && order !== wanted) setOrder(wanted);
  return { order: held ? kept : wanted, moved: held ? moved : 0, sort: () => setOrder(wanted) };
}
