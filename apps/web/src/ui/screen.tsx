import { ChevronRight } from 'lucide-react';
import { createContext, useContext, useEffect, type ReactNode, type RefObject } from 'react';
import { createPortal } from 'react-dom';

/** Where the top bar takes its crumbs, and the element that scrolls: one for all screens. */
export const FrameSlots = createContext<{ crumbs: HTMLElement | null; scroller: RefObject<HTMLElement | null> }>({
  crumbs: null,
  scroller: { current: null },
});

/** Fills the crumbs of the top bar and the title of the document. */
export function Crumbs({ children, title }: { children: ReactNode; title: string }) {
  const { crumbs } = useContext(FrameSlots);
  useEffect(() => {
    document.title = `${title} · Sluice`;
  }, [title]);
  return crumbs === null ? null : createPortal(<ol className="flex items-center gap-2 min-w-0">{children}</ol>, crumbs);
}

export function Crumb({ children, last = false }: { children: ReactNode; last?: boolean }) {
  return (
    <li className={`flex items-center gap-2 min-w-0 ${last ? '' : 'max-md:hidden'}`}>
      <span
        className={last ? 'font-semibold truncate' : 'text-text-2 truncate'}
        {...(last ? { 'aria-current': 'page' as const } : {})}
      >
        {children}
      </span>
      {!last && <ChevronRight size={13} className="text-text-3 flex-none" aria-hidden="true" />}
    </li>
  );
}
