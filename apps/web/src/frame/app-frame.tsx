import { useQuery } from '@tanstack/react-query';
import { Outlet, useRouterState } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from 'react';
import { queries } from '../api/queries.ts';
import { useLive } from '../live/use-live.ts';
import { FrameSlots } from '../ui/screen.tsx';
import { PhoneBar } from './phone-bar.tsx';
import { SideColumn } from './side-column.tsx';
import { TopBar } from './top-bar.tsx';
import { useFrameKeys } from './use-frame-keys.ts';

const Palette = lazy(() => import('../palette/palette.tsx').then(({ Palette: component }) => ({ default: component })));
const KeyHelp = lazy(() => import('./key-help.tsx').then(({ KeyHelp: component }) => ({ default: component })));

export function AppFrame() {
  const [crumbs, setCrumbs] = useState<HTMLElement | null>(null);
  const scroller = useRef<HTMLElement>(null);
  const slots = useMemo(() => ({ crumbs, scroller }), [crumbs]);
  const [paletteOpen, setPaletteOpen] = useState(false);
  const [helpOpen, setHelpOpen] = useState(false);
  useFrameKeys({ openPalette: () => setPaletteOpen(true), openHelp: () => setHelpOpen(true) });
  useLive('approvals', ['approvals']);
  const mine = useQuery(queries.approvals('me'));
  useFocusOnNavigation(scroller);

  return (
    <FrameSlots value={slots}>
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <div className="grid h-full grid-cols-1 grid-rows-[minmax(0,1fr)_auto] md:grid-cols-[52px_minmax(0,1fr)] md:grid-rows-[minmax(0,1fr)] lg:grid-cols-[196px_minmax(0,1fr)]">
        <SideColumn approvals={mine.data?.length ?? 0} />
        <div className="grid min-h-0 min-w-0 grid-rows-[auto_minmax(0,1fr)]">
          <TopBar crumbsRef={setCrumbs} onSearch={() => setPaletteOpen(true)} />
          <main id="main" ref={scroller} tabIndex={-1} className="min-h-0 overflow-auto overscroll-contain">
            <Outlet />
          </main>
        </div>
        <PhoneBar approvals={mine.data?.length ?? 0} />
      </div>
      <Suspense fallback={null}>
        {paletteOpen && <Palette onClose={() => setPaletteOpen(false)} />}
        {helpOpen && <KeyHelp onClose={() => setHelpOpen(false)} />}
      </Suspense>
    </FrameSlots>
  );
}

/** After a navigation the reader's focus goes to the new page, not to a link that is gone. */
function useFocusOnNavigation(scroller: React.RefObject<HTMLElement | null>): void {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  const previous = useRef(path);
  useEffect(() => {
    if (previous.current !== undefined && path !== previous.current && document.activeElement === document.body) {
      scroller.current?.focus({ preventScroll: true });
    }
    previous.current = path;
  }, [path, scroller]);
}
