import { statusLook, type AnyStatus } from './status.ts';

/** Shape and colour of a status; the word stands beside it or in `label`. */
export function StatusIcon({ status, size = 14, label }: { status: AnyStatus; size?: number; label?: string }) {
  const { icon: Icon, tone } = statusLook(status);
  return (
    <span
      className={`tone-${tone} tone-text inline-flex flex-none`}
      {...(label === undefined ? {} : { role: 'img', 'aria-label': label })}
    >
      <Icon size={size} strokeWidth={2} aria-hidden="true" />
    </span>
  );
}

export function StatusPill({ status, text }: { status: AnyStatus; text?: string | undefined }) {
  const { icon: Icon, tone, word } = statusLook(status);
  return (
    <span className={`pill tone-${tone} tnum`}>
      <Icon size={13} strokeWidth={2} aria-hidden="true" />
      {text ?? word}
    </span>
  );
}
