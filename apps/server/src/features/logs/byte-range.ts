/** `[from, to)` of a log of `total` bytes. `whole`: no range was asked for, or one we need not honour (several, other units). */
export type ByteRange =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly from: number; readonly to: number }
  | { readonly kind: 'unsatisfiable' };

/** RFC 9110, one range in bytes: `bytes=5-9`, `bytes=5-`, `bytes=-5`. */
export function byteRange(header: string | undefined, total: number): ByteRange {
  const match = /^bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))$/.exec(header?.trim() ?? '');
  if (!match) return { kind: 'whole' };
  const [, first, last, suffix] = match;
  if (suffix !== undefined) {
    const from = Math.max(0, total - Number(suffix));
    return from < total && suffix !== '0' ? { kind: 'part', from, to: total } : { kind: 'unsatisfiable' };
  }
  const from = Number(first);
  const to = last === '' || last === undefined ? total : Math.min(total, Number(last) + 1);
  if (last && Number(last) < from) return { kind: 'whole' };
  return from < total ? { kind: 'part', from, to } : { kind: 'unsatisfiable' };
}
