import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Whether `header` (`sha256=<64 hex digits>`) is the HMAC of exactly these bytes. Every other form is no signature:
 * absent, `sha1=`, wrong length, not hex (A01, A02).
 */
export function verifySignature(body: Uint8Array, header: string | undefined, secret: string): boolean {
  const expected = createHmac('sha256', secret).update(body).digest();
  const [, hex] = /^sha256=([0-9a-fA-F]{64})$/.exec(header ?? '') ?? [];
  const given = hex === undefined ? Buffer.alloc(expected.length) : Buffer.from(hex, 'hex');
  return timingSafeEqual(given, expected) && hex !== undefined;
}
