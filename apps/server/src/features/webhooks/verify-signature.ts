import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Whether `given` (64 hex digits) is the HMAC of exactly these bytes. Every other form is no signature: absent, wrong
 * length, not hex (A01, A02).
 */
export function verifySignature(body: Uint8Array, given: string | undefined, secret: string): boolean {
  const expected = createHmac('sha256', secret).update(body).digest();
  const isHex = /^[0-9a-fA-F]{64}$/.test(given ?? '');
  const bytes = isHex ? Buffer.from(given!, 'hex') : Buffer.alloc(expected.length);
  return timingSafeEqual(bytes, expected) && isHex;
}

/** A forge that sends the secret itself. Hashes of equal length are compared, so time tells neither content nor length (A11). */
export function verifyToken(given: string | undefined, secret: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given ?? ''), hash(secret)) && given !== undefined;
}
