import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** `slt_` API token, `slr_` runner token, `slg_` runner registration token, `sls_` session, `slu_` one-time set-up link, `slp_` one-time password link. */
export type TokenPrefix = 'slt_' | 'slr_' | 'slg_' | 'sls_' | 'slu_' | 'slp_';

/** 256 random bits behind a prefix that secret scanners can recognise. */
export function newToken(prefix: TokenPrefix): string {
  return prefix + randomBytes(32).toString('base64url');
}

/** What the database keeps. Tokens are random, so a fast hash is enough: there is nothing to guess. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Compares in a time that says nothing about the content; also for texts of different length. */
export function sameText(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}
