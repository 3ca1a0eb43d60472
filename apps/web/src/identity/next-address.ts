export function signInAddress(from: string): string {
  return `/login?next=${encodeURIComponent(from)}`;
}

/** Only a path of this origin may follow a sign-in; anything else leads to the board. */
export function safeNext(next: string | undefined, origin: string): string {
  if (next === undefined || !next.startsWith('/')) return '/board';
  try {
    const url = new URL(next, origin);
    if (url.origin !== origin || url.pathname === '/login') return '/board';
    return url.pathname + url.search + url.hash;
  } catch {
    return '/board';
  }
}
