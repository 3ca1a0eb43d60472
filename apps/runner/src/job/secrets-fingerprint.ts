import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { LeaseGrant } from '@sluice/protocol';

const derive = promisify<string, Buffer, number, Buffer>(scrypt);
const BYTES = 32;

/**
 * Says later whether a job's secrets are still the same, and nothing else: a log that is masked with new values would show the old ones.
 * Slow to compute on purpose, because it lies on a disk. Null when there are no secrets.
 */
export async function secretsFingerprint(secrets: LeaseGrant['secrets']): Promise<string | null> {
  if (secrets.length === 0) return null;
  const salt = randomBytes(BYTES);
  return `${salt.toString('hex')}:${(await derive(textOf(secrets), salt, BYTES)).toString('hex')}`;
}

export async function sameSecrets(fingerprint: string | null, secrets: LeaseGrant['secrets']): Promise<boolean> {
  if (fingerprint === null) return secrets.length === 0;
  const [salt = '', hash = ''] = fingerprint.split(':').map((part) => Buffer.from(part, 'hex'));
  if (hash.length !== BYTES) return false;
  return timingSafeEqual(await derive(textOf(secrets), Buffer.from(salt), BYTES), Buffer.from(hash));
}

function textOf(secrets: LeaseGrant['secrets']): string {
  const sorted = secrets.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return JSON.stringify(sorted.map(({ name, value }) => [name, value]));
}
