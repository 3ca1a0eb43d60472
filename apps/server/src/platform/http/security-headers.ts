/** What pages of this origin may do: load their own files and talk to this server, nothing else. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "require-trusted-types-for 'script'",
].join('; ');

/** `nonce` allows one style element of one page (libraries that lock scrolling insert such an element). */
export function contentSecurityPolicy(nonce?: string): string {
  return nonce === undefined
    ? CONTENT_SECURITY_POLICY
    : CONTENT_SECURITY_POLICY.replace("style-src 'self'", `style-src 'self' 'nonce-${nonce}'`);
}

/** For every answer, also those that no route makes. */
export function securityHeaders(requestId: string, overHttps: boolean): Record<string, string> {
  return {
    'x-request-id': requestId,
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    ...(overHttps ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  };
}
