import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';

/** Shows a short form and copies the whole one. */
export function CopyText({
  value,
  shown,
  label,
  className = '',
}: {
  value: string;
  shown?: string;
  label: string;
  className?: string;
}) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = (): void => {
    void navigator.clipboard.writeText(value).then(() => setCopied(true));
  };
  return (
    <span className={`inline-flex max-w-full min-w-0 items-center gap-1 ${className}`}>
      <code className="truncate" title={value}>
        {shown ?? value}
      </code>
      <button
        type="button"
        onClick={copy}
        aria-label={`Copy ${label}`}
        className="inline-grid place-items-center size-6 rounded-tag text-text-3 hover:text-text hover:bg-sunken flex-none"
      >
        {copied ? <Check size={13} aria-hidden="true" /> : <Copy size={13} aria-hidden="true" />}
      </button>
      <span role="status" className="sr-only">
        {copied ? `${label} copied` : ''}
      </span>
    </span>
  );
}
