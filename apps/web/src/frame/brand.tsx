/** A gate over water: four gates at four heights, one line below. */
export function Brand({ word = true }: { word?: boolean }) {
  return (
    <span className="inline-flex items-center gap-2.5">
      <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true" className="flex-none">
        <rect width="20" height="20" rx="5" className="fill-ink" />
        <path
          d="M5.5 5v6.5M8.5 5v3.5M11.5 5v5M14.5 5v3M5 14.5h10"
          className="stroke-on-ink"
          strokeWidth="1.6"
          strokeLinecap="round"
        />
      </svg>
      {word && <span className="text-[15px] font-semibold tracking-[-0.01em]">Sluice</span>}
    </span>
  );
}
