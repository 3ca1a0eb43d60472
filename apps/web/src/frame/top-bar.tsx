import { Search } from 'lucide-react';
import { LiveMark } from '../live/live-mark.tsx';

export function TopBar({
  crumbsRef,
  onSearch,
}: {
  crumbsRef: (element: HTMLElement | null) => void;
  onSearch: () => void;
}) {
  return (
    <header className="flex h-12 items-center gap-3 border-b border-line bg-surface px-3 md:px-6">
      <nav aria-label="Breadcrumbs" ref={crumbsRef} className="min-w-0 flex-1 text-body" />
      <LiveMark />
      <button
        type="button"
        onClick={onSearch}
        className="hidden h-[30px] w-[206px] whitespace-nowrap items-center gap-2 rounded-control border border-line-2 bg-surface px-2.5 text-text-2 hover:bg-sunken sm:flex"
        aria-keyshortcuts="Control+K"
      >
        <Search size={14} aria-hidden="true" />
        <span className="flex-1 text-left">Search or jump to</span>
        <span className="kbd" aria-hidden="true">
          Ctrl K
        </span>
      </button>
    </header>
  );
}
