import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

/** The value was sealed by another key, or its row was changed or moved. */
export class UnsealError extends Error {
  override readonly name = 'UnsealError';
}

/**
 * Seals texts for the database: AES-256-GCM with a key of its own per value, derived from the master key, and bound to
 * its place (`secret:<team>:<name>`, `hook:<id>`, ...): a sealed text copied to another row does not open there.
 * Form: `v1.<key id>.<salt>.<nonce>.<ciphertext and tag>`, base64url.
 */
export class Sealer {
  readonly keyId: string;
  readonly #key: Buffer;
  constructor(key: Buffer) {
    if (key.length !== 32) throw new Error('The master key must have 32 bytes; make one with: openssl rand -hex 32');
    this.#key = key;
    this.keyId = createHash('sha256').update('sluice master key id').update(key).digest('hex').slice(0, 12);
  }

  seal(text: string, place: string): string {
    const salt = randomBytes(16);
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#keyOf(salt, place), nonce);
    cipher.setAAD(Buffer.from(place));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return ['v1', this.keyId, ...[salt, nonce, sealed].map((bytes) => bytes.toString('base64url'))].join('.');
  }

  /** Throws UnsealError, whose text never holds the value. */
  open(sealed: string, place: string): string {
    const [version, keyId, salt, nonce, bytes] = sealed.split('.');
    if (version !== 'v1' || !salt || !nonce || !bytes)
      throw new UnsealError('A sealed value has an unknown form; was the database changed by hand?');
    if (keyId !== this.keyId) {
      throw new UnsealError(
        `A sealed value needs the master key ${keyId}, the server has ${this.keyId}; give it the old key, or set the value again.`,
      );
    }
    const body = Buffer.from(bytes, 'base64url');
    const decipher = createDecipheriv(
      'aes-256-gcm',
      this.#keyOf(Buffer.from(salt, 'base64url'), place),
      Buffer.from(nonce, 'base64url'),
    );
    decipher.setAAD(Buffer.from(place));
    try {
      decipher.setAuthTag(body.subarray(-16));
      return Buffer.concat([decipher.update(body.subarray(0, -16)), decipher.final()]).toString('utf8');
    } catch (cause) {
      throw new UnsealError(`The sealed value of ${place.split(':')[0]} was changed or moved; set it again.`, {
        cause,
      });
    }
  }

  #keyOf(salt: Buffer, place: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#key, salt, place, 32));
  }
}
