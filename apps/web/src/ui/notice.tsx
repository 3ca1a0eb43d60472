import { TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';

export function ErrorBar({ children, onRetry }: { children: ReactNode; onRetry?: () => void }) {
  return (
    <div
      role="alert"
      className="flex items-center gap-2 rounded-control border border-line-2 bg-failed-tint px-3 py-2 text-failed"
    >
      <TriangleAlert size={14} className="flex-none" aria-hidden="true" />
      <span className="flex-1">{children}</span>
      {onRetry !== undefined && (
        <button type="button" className="underline font-medium" onClick={onRetry}>
          Try now
        </button>
      )}
    </div>
  );
}

export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="grid place-items-center gap-2 px-6 py-16 text-center">
      <p className="text-section font-semibold">{title}</p>
      {children !== undefined && <div className="text-text-2 max-w-[52ch]">{children}</div>}
    </div>
  );
}

/** Rows of the exact height of what will come, so that nothing jumps. */
export function SkeletonRows({ rows, height }: { rows: number; height: number }) {
  return (
    <div role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="flex items-center border-b border-line px-4" style={{ height }}>
          <span className="skeleton h-3" style={{ width: `${30 + ((row * 17) % 50)}%` }} />
        </div>
      ))}
    </div>
  );
}
