import { signInAddress } from '../identity/next-address.ts';

/** A session that ran out sends the reader to sign in, and back to the same place afterwards. */
export function sessionEnded(): void {
  const { pathname, search } = window.location;
  if (pathname === '/login' || pathname === '/welcome') return;
  window.location.assign(signInAddress(pathname + search));
}
