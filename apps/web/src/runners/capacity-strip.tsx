const MOST_BLOCKS = 64;

/** One block per slot; above 64 the blocks stand for shares. Numbers stand beside it, so it is a picture only. */
export function CapacityStrip({ busy, free }: { busy: number; free: number }) {
  const total = busy + free;
  const scale = Math.min(1, MOST_BLOCKS / Math.max(1, total));
  const blocks = Math.round(total * scale);
  const filled = Math.round(busy * scale);
  return (
    <span className="flex gap-0.5" aria-hidden="true">
      {Array.from({ length: blocks }, (_, index) => (
        <span
          key={index}
          className={`h-3 rounded-[2px] ${blocks > 32 ? 'w-1' : 'w-2.5'} ${index < filled ? 'bg-running-solid' : 'bg-passed-solid/35'}`}
        />
      ))}
      {total === 0 && <span className="text-sub text-text-3">no slot ready</span>}
    </span>
  );
}
